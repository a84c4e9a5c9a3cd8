#include "predictor/layerwise.hpp"

#include "configs/errors.hpp"
#include "predictor/block_costs.hpp"

namespace naslat {

namespace {

class SumOfBlocks final : public Estimator {
 public:
  explicit SumOfBlocks(const DeviceFacts& facts) : mode_(facts.mode.value()), block_s_(facts.block_s) {}

  [[nodiscard]] std::vector<double> predict_s(std::span<const Encoding> architectures) const override {
    std::vector<double> latency_s;
    for (const Encoding& e : architectures) {
      double sum_s = 0;
      for (const BlockWork& block : blocks_executed(e, mode_)) {
        const auto timed = block_s_.find(block.id);
        if (timed == block_s_.end()) {
          throw DataError(
              "layerwise: a network asked for has a block that was never timed: measure more with --blocks");
        }
        sum_s += block.count * timed->second;
      }
      latency_s.push_back(sum_s);
    }
    return latency_s;
  }

 private:
  GraphMode mode_;
  std::map<std::uint64_t, double> block_s_;
};

}  // namespace

std::unique_ptr<Estimator> LayerwisePredictor::adapt(const HardwareEmbedding&, const Samples& support,
                                                     const TargetScale&, Rng&) const {
  if (!support.facts.mode || support.facts.block_s.empty()) {
    throw DataError("layerwise: got a device without block times, wanted one measured with --blocks");
  }
  return std::make_unique<SumOfBlocks>(support.facts);
}

}  // namespace naslat
