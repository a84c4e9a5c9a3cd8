#pragma once

#include <memory>

#include "measure/backends/cudnn/gpu.hpp"

namespace naslat::cudnn {

/// Two events on a GPU's stream: the time between them by the GPU's clock, which has steps of half a microsecond.
class Stopwatch {
 public:
  explicit Stopwatch(const Gpu& gpu);

  /// Each appends its event to the stream.
  void start() const { record(start_.get()); }
  void stop() const { record(stop_.get()); }
  /// @pre the stream was waited for after stop()
  [[nodiscard]] double elapsed_s() const;

 private:
  struct Destroy {
    const Gpu* gpu;
    void operator()(CUevent event) const { static_cast<void>(gpu->driver().cuEventDestroy_v2(event)); }
  };
  using Event = std::unique_ptr<CUevent_st, Destroy>;
  [[nodiscard]] static Event new_event(const Gpu& gpu);
  void record(CUevent event) const { gpu_.check(gpu_.driver().cuEventRecord(event, gpu_.stream()), "event"); }

  const Gpu& gpu_;
  Event start_, stop_;
};

}  // namespace naslat::cudnn
