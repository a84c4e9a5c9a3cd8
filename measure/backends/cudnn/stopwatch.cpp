#include "measure/backends/cudnn/stopwatch.hpp"

namespace naslat::cudnn {

Stopwatch::Stopwatch(const Gpu& gpu) : gpu_(gpu), start_(new_event(gpu)), stop_(new_event(gpu)) {}

Stopwatch::Event Stopwatch::new_event(const Gpu& gpu) {
  CUevent event = nullptr;
  gpu.check(gpu.driver().cuEventCreate(&event, CU_EVENT_DEFAULT), "event");
  return Event(event, Destroy{&gpu});
}

double Stopwatch::elapsed_s() const {
  float elapsed_ms = 0;
  gpu_.check(gpu_.driver().cuEventElapsedTime(&elapsed_ms, start_.get(), stop_.get()), "elapsed time");
  return elapsed_ms * 1e-3;
}

}  // namespace naslat::cudnn
