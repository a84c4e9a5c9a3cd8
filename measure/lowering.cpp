#include "measure/lowering.hpp"

#include "spaces/passes.hpp"

namespace naslat {

Network lowered(const Network& network, const Device& device) {
  Network batched = with_batch(network, device.batch);
  switch (device.mode) {
    case GraphMode::eager:
      return batched;
    case GraphMode::fused:
      return fuse(fold_batch_norm(std::move(batched)));
    case GraphMode::pruned:
      return fuse(prune(fold_batch_norm(std::move(batched))));
  }
  return batched;
}

}  // namespace naslat
