#include "predictor/layerwise.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "configs/errors.hpp"
#include "measure/dataset.hpp"
#include "predictor/registry.hpp"
#include "predictor/tasks.hpp"
#include "tests/measure/example_measurement.hpp"
#include "tests/temporary_folder.hpp"

namespace naslat {
namespace {

const SearchSpace& space() { return search_space("nasbench201"); }

std::vector<double> predictions(const DeviceFacts& facts, const std::vector<Architecture>& architectures) {
  Rng rng(1);
  const auto estimator = make_predictor("layerwise")->adapt({}, {{}, {}, facts}, {}, rng);
  return estimator->predict_s(encode_all(space(), architectures, true));
}

/// Ten microseconds per block: every network takes as many as it has blocks that execute anything.
TEST(Layerwise, AddsUpTheTimesOfBlocks) {
  const std::vector<Architecture> architectures = {space().at(0), space().at(1462)};
  DeviceFacts facts;
  std::vector<double> wanted_s;
  for (const Architecture& architecture : architectures) {
    const Network network = space().network(architecture);
    wanted_s.push_back(0);
    for (const Block& block : network.blocks) wanted_s.back() += block.layer_count > 0 ? 1e-5 : 0;
    for (const auto& [block, count] : work_of(network).blocks) facts.block_s[block] = 1e-5;
  }
  const std::vector<double> said_s = predictions(facts, architectures);
  for (std::size_t i = 0; i < wanted_s.size(); ++i) EXPECT_NEAR(said_s[i], wanted_s[i], 1e-12);
  facts.block_s.erase(facts.block_s.begin());
  EXPECT_THROW(static_cast<void>(predictions(facts, architectures)), DataError);
  EXPECT_THROW(static_cast<void>(predictions({}, architectures)), DataError);
}

/// Records say which operations the device executes and how long blocks took, at whatever batch; imported ones say
/// nothing.
TEST(Layerwise, LearnsBlockTimesFromADataset) {
  const TemporaryFolder folder;
  Measurement m = example_measurement();
  m.space = "nasbench201";
  m.architecture = space().format(space().at(7));
  m.index = 7;
  m.device_config.mode = GraphMode::pruned;
  m.blocks = {{{"stem", {{32, 3, 32, 32}}, {{32, 16, 32, 32}}}, 1e-5},
              {{"stem", {{32, 3, 32, 32}}, {{32, 16, 32, 32}}}, 3e-5}};
  { DatasetWriter(folder / "d.jsonl").append(m); }
  const auto tables = read_latency_tables(folder / "d.jsonl", "nasbench201");
  ASSERT_EQ(tables.size(), 1U);
  EXPECT_EQ(tables[0].facts.execution, Execution::live);
  const std::uint64_t stem = block_hash("stem", {{1, 3, 32, 32}}, {{1, 16, 32, 32}});
  ASSERT_EQ(tables[0].facts.block_s.size(), 1U);
  EXPECT_NEAR(tables[0].facts.block_s.at(stem), 2e-5, 1e-12);
  const auto blocks = work_of(space().network(space().at(7))).blocks;
  EXPECT_EQ(std::count(blocks.begin(), blocks.end(), std::pair(stem, 1)), 1);
}

}  // namespace
}  // namespace naslat
