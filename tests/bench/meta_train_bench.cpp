// Seconds per meta-training episode at the published setting: 8 tasks of 10 support and 200 query samples, 2 inner
// steps, second order, for each space that HELP trains on. The latencies are made up; the work depends on them only by
// which units stay dark. Wanted: a tenth of the released Python's time. Measured in turns with it, in its own PyTorch
// 1.8.1 (2.3 is slower), both on two cores of a virtual machine that nothing else used, medians without validation,
// NAS-Bench-201, FBNet and MobileNetV3, in nine pairs: 107 to 114, 53 to 56 and 55 to 58 ms where this took 9.1 to 9.8,
// 6.1 to 6.5 and 6.1 to 6.5. It is 11.3 (11.0 to 11.9), 8.7 (8.4 to 9.0) and 8.8 (8.5 to 9.0) times as fast. On a
// processor half as fast it was 11.0, 9.9 and 9.9 times as fast before it became 4 to 6% faster. The Python took .85 s
// per episode of NAS-Bench-201 where it was first timed.
//   meta_train_bench [episodes] [threads] [space …]

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <thread>
#include <vector>

#include "predictor/autodiff/kernels.hpp"
#include "predictor/help.hpp"

namespace {

using namespace naslat;

/// A device with a cost of its own for every operation.
DeviceTask made_up_device(const SearchSpace& space, const std::vector<Architecture>& architectures, Rng& rng) {
  std::vector<std::vector<double>> cost;
  for (const auto& decision : space.decisions()) {
    cost.emplace_back();
    for (std::size_t i = 0; i < decision.options.size(); ++i) cost.back().push_back(rng.uniform());
  }
  DeviceTask task{"made up", {}, {}, {}, {}, {}};
  for (const Architecture& architecture : architectures) {
    double latency_s = 1;
    for (std::size_t i = 0; i < architecture.choices.size(); ++i) latency_s += cost[i][architecture.choices[i]];
    task.latency_s.push_back(latency_s);
  }
  for (std::size_t i = 0; i < task.latency_s.size(); ++i) (i < 720 ? task.pool : task.queries).push_back(i);
  task.scale = target_scale(task.latency_s);
  task.embedding = embed({task.latency_s.begin(), task.latency_s.begin() + 10});
  return task;
}

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

void run(const std::string& name, const HelpTraining& config) {
  const SearchSpace& space = search_space(name);
  Rng rng(1);
  std::vector<Architecture> architectures;
  for (int i = 0; i < 1520; ++i) architectures.push_back(sample(space, rng));
  const Encodings encodings = encode_all(space, architectures);
  std::vector<DeviceTask> devices;
  for (int i = 0; i < 13; ++i) devices.push_back(made_up_device(space, architectures, rng));
  const std::vector<DeviceTask> train(devices.begin(), devices.begin() + 9),
      validate(devices.begin() + 9, devices.end());

  const double started_s = now();
  double last_s = started_s, validation_s = 0;
  std::vector<double> alone_s;
  (void)meta_train({encodings, train, validate}, config, [&](int, double, double validation) {
    const double took_s = now() - last_s;
    last_s += took_s;
    if (std::isnan(validation)) {
      alone_s.push_back(took_s);
    } else {
      validation_s = took_s;
    }
  });
  std::ranges::sort(alone_s);
  fmt::print(
      "{}: {:.2f} ms per episode with validations; alone {:.2f} ms, {:.2f} to {:.2f}; {:.0f} ms with a validation\n",
      name, (last_s - started_s) / config.episodes * 1e3, alone_s[alone_s.size() / 2] * 1e3, alone_s.front() * 1e3,
      alone_s.back() * 1e3, validation_s * 1e3);
}

}  // namespace

int main(int argc, char** argv) {
  HelpTraining config;
  config.episodes = argc > 1 ? std::atoi(argv[1]) : 200;
  config.threads = argc > 2 ? std::atoi(argv[2]) : static_cast<int>(std::thread::hardware_concurrency());
  fmt::print("{} episodes, {} threads, {} kernels\n", config.episodes, config.threads, kernels().name);
  const std::vector<std::string> chosen(argv + std::min(argc, 3), argv + argc);
  for (const char* space : {"nasbench201", "fbnet", "mobilenetv3"}) {
    if (chosen.empty() || std::find(chosen.begin(), chosen.end(), space) != chosen.end()) run(space, config);
  }
}
