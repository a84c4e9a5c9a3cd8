#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "measure/latency_table.hpp"

namespace naslat {

/// HW-NAS-Bench's own file (Li et al., ICLR 2021; HW-NAS-Bench-v1_0.pickle, github GATECH-EIC/HW-NAS-Bench), in the
/// structure its API reads: {"nasbench201": {data set: {"config": [{"arch_str": …}, …], "DEVICE_latency": [ms, …],
/// …}}}, lists or numpy arrays in index order, -1 where a device has no latency. Energies are not read. The data set is
/// that of the space: cifar10, cifar100 or ImageNet16-120.
/// @throws DataError naming the path, if a table is not of the space's networks, or for spaces it has no latencies of
/// networks of: of FBNet it has those of blocks
[[nodiscard]] std::vector<LatencyTable> read_hw_nas_bench(const std::filesystem::path& path, const std::string& space);

}  // namespace naslat
