#include "predictor/layerwise.hpp"

#include "configs/errors.hpp"

namespace naslat {

namespace {

class SumOfBlocks final : public Estimator {
 public:
  explicit SumOfBlocks(std::map<std::uint64_t, double> block_s) : block_s_(std::move(block_s)) {}

  [[nodiscard]] std::vector<double> predict_s(std::span<const Encoding> architectures) const override {
    std::vector<double> latency_s;
    for (const Encoding& e : architectures) {
      if (e.work.blocks.empty()) throw DataError("layerwise: architectures came without the work of their networks");
      double sum_s = 0;
      for (const auto& [block, count] : e.work.blocks) {
        const auto timed = block_s_.find(block);
        if (timed == block_s_.end()) {
          throw DataError(
              "layerwise: a network asked for has a block that was never timed: measure more with --blocks");
        }
        sum_s += count * timed->second;
      }
      latency_s.push_back(sum_s);
    }
    return latency_s;
  }

 private:
  std::map<std::uint64_t, double> block_s_;
};

}  // namespace

std::unique_ptr<Estimator> LayerwisePredictor::adapt(const HardwareEmbedding&, const Samples& support,
                                                     const TargetScale&, Rng&) const {
  if (support.facts.block_s.empty()) {
    throw DataError("layerwise: got a device without block times, wanted one measured with --blocks");
  }
  return std::make_unique<SumOfBlocks>(support.facts.block_s);
}

}  // namespace naslat
