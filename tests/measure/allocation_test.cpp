#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "measure/backend.hpp"
#include "measure/null_executable.hpp"
#include "measure/protocol.hpp"
#include "spaces/network_builder.hpp"
#include "spaces/search_space.hpp"

// Nothing of ours is allocated between two clock reads. Every operator new of the test program is counted.

namespace {
std::atomic<long> allocations{0};

void* counted(std::size_t bytes) {
  ++allocations;
  void* const memory = std::malloc(bytes == 0 ? 1 : bytes);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
}  // namespace

void* operator new(std::size_t bytes) { return counted(bytes); }
void* operator new[](std::size_t bytes) { return counted(bytes); }
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept { return ++allocations, std::malloc(bytes); }
void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept { return ++allocations, std::malloc(bytes); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace naslat {
namespace {

template <typename Work>
long allocations_of(const Work& work) {
  const long before = allocations;
  work();
  return allocations - before;
}

std::unique_ptr<Executable> compiled(const Network& network) {
  const Device device{.backend = "onednn", .hardware = "", .isa = "", .threads = 1};
  return backend("onednn").compile(network, device);
}

TEST(Allocations, AreCounted) {
  EXPECT_EQ(allocations_of([] { delete new int(1); }), 1);
}

TEST(Allocations, TheHarnessMakesNone) {
  NullExecutable nothing;
  const Clock now = steady_clock();
  std::vector<double> samples_s(100);
  EXPECT_EQ(allocations_of([&] { time_runs(nothing, now, 10, samples_s); }), 0);
}

TEST(Allocations, OurOwnStepMakesNone) {
  NetworkBuilder net("embedding", Shape{{1, 6}});
  const TensorId rows = net.embedding(
      net.input(), {.table = "table", .vocabulary = 50, .width = 16, .table_width = 16, .first_token = 0, .tokens = 6});
  const auto executable = compiled(net.build(rows));
  ASSERT_EQ(executable->info().primitives, 1);
  EXPECT_EQ(allocations_of([&] { executable->run(); }), 0);
}

TEST(Allocations, NetworksMakeTheLibrarysOnly) {
  // oneDNN allocates four to eight small blocks in each execution of a primitive, whoever calls it.
  for (const char* const name : {"nasbench201", "fbnet", "mobilenetv3"}) {
    SCOPED_TRACE(name);
    const SearchSpace& space = search_space(name);
    const auto executable = compiled(space.network(space.references()[0]));
    const long first = allocations_of([&] { executable->run(); }), second = allocations_of([&] { executable->run(); });
    EXPECT_EQ(first, second);
    EXPECT_LE(first, 8 * executable->info().primitives);
  }
}

}  // namespace
}  // namespace naslat
