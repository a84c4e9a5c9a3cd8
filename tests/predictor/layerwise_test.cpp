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

constexpr std::array kFused = {GraphMode::fused};

std::vector<double> predictions(const DeviceFacts& facts, const std::vector<Architecture>& architectures) {
  Rng rng(1);
  const auto estimator = make_predictor("layerwise")->adapt({}, {{}, {}, facts}, {}, rng);
  return estimator->predict_s(encode_all(space(), architectures, true, kFused));
}

/// Ten microseconds per block: every network takes as many as the device executes.
TEST(Layerwise, AddsUpTheTimesOfBlocks) {
  const std::vector<Architecture> architectures = {space().at(0), space().at(1462)};
  DeviceFacts facts{GraphMode::fused, {}};
  std::vector<double> wanted_s;
  for (const Architecture& architecture : architectures) {
    const Network graph = lowered(space().network(architecture), GraphMode::fused);
    wanted_s.push_back(1e-5 * static_cast<double>(executed_blocks(graph).size()));
    for (const BlockWork& block : block_work(graph)) facts.block_s[block.id] = 1e-5;
  }
  const std::vector<double> said_s = predictions(facts, architectures);
  for (std::size_t i = 0; i < wanted_s.size(); ++i) EXPECT_NEAR(said_s[i], wanted_s[i], 1e-12);
  EXPECT_THROW(static_cast<void>(predictions({GraphMode::eager, facts.block_s}, architectures)), DataError);
  facts.block_s.erase(facts.block_s.begin());
  EXPECT_THROW(static_cast<void>(predictions(facts, architectures)), DataError);
  EXPECT_THROW(static_cast<void>(predictions({}, architectures)), DataError);
}

/// Records say how the device executes graphs and how long blocks took, which is brought to the network's latency;
/// imported ones say nothing, nor do blocks without their layers.
TEST(Layerwise, LearnsBlockTimesFromADataset) {
  const TemporaryFolder folder;
  Measurement m = example_measurement();
  m.space = "nasbench201";
  m.index.reset();
  m.repeat = 0;
  m.device_config.mode = GraphMode::pruned;
  m.protocol.anchor = false;
  m.anchor_s.clear();
  const std::string one = "1x3x32x32: conv 3x3 1x16x32x32", other = "1x16x32x32: relu 1x16x32x32";
  DatasetWriter writer(folder / "d.jsonl");
  for (const std::uint64_t index : {7, 8, 9}) {
    m.architecture = space().format(space().at(index));
    const double share_s = *latency_s(m) * (index == 7 ? 1 : 0.25);  // timed when the machine was slower, and faster
    m.blocks = {{{"stem", {{1, 3, 32, 32}}, {{1, 16, 32, 32}}, one}, share_s},
                {{"sum", {{1, 16, 32, 32}}, {{1, 16, 32, 32}}, other}, share_s}};
    if (index == 9) m.blocks[0].block.layers.clear();
    writer.append(m);
  }
  const auto tables = read_latency_tables(folder / "d.jsonl", "nasbench201");
  ASSERT_EQ(tables.size(), 1U);
  EXPECT_EQ(tables[0].facts.mode, GraphMode::pruned);
  ASSERT_EQ(tables[0].facts.block_s.size(), 2U);
  EXPECT_NEAR(tables[0].facts.block_s.at(block_id(one)), *latency_s(m) / 2, 1e-9);
  ASSERT_EQ(tables[0].block_s.size(), 3U);
  EXPECT_EQ(tables[0].block_s[1].at(1).first, block_id(other));
  EXPECT_TRUE(tables[0].block_s[2].empty());
  EXPECT_EQ(timed_modes(tables), std::vector<GraphMode>{GraphMode::pruned});
}

}  // namespace
}  // namespace naslat
