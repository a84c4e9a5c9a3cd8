#pragma once

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace naslat {

/// Threads for as much as the process may use. @note a thread that is bound starts others on its own core only
[[nodiscard]] inline int all_cores() { return static_cast<int>(std::max(1U, std::thread::hardware_concurrency())); }

/// Calls work(worker, i) for i in 0..count-1 on `threads` threads, worker in 0..threads-1. Which worker gets which i is
/// open, so results must not depend on it. The first exception is rethrown.
template <typename Work>
void parallel_for(std::size_t count, int threads, const Work& work) {
  std::atomic<std::size_t> next = 0;
  std::exception_ptr failure;
  std::mutex failure_mutex;
  const auto loop = [&](std::size_t worker) {
    try {
      for (std::size_t i = next++; i < count; i = next++) work(worker, i);
    } catch (...) {
      const std::lock_guard lock(failure_mutex);
      if (!failure) failure = std::current_exception();
      next = count;
    }
  };
  {
    std::vector<std::jthread> others;
    for (int worker = 1; worker < threads; ++worker) others.emplace_back(loop, static_cast<std::size_t>(worker));
    loop(0);
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace naslat
