#include "predictor/checkpoint.hpp"

#include <gtest/gtest.h>
#include <zlib.h>

#include <cstring>
#include <limits>

#include "configs/errors.hpp"
#include "configs/json.hpp"
#include "tests/test_data.hpp"

namespace naslat {
namespace {

Checkpoint small_checkpoint() {
  Rng rng(4);
  return {"help", "nasbench201", "naslat", R"({"seed":4})", initial_help_parameters(8, true, rng)};
}

bool same_values(const std::vector<NamedMatrix>& a, const std::vector<NamedMatrix>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const NamedMatrix& x, const NamedMatrix& y) { return x.name == y.name && x.value == y.value; });
}

/// The file with another header and a checksum that agrees: what only someone hostile would write.
std::string forged(const std::string& bytes, const std::function<void(Json&)>& change) {
  const std::size_t first = bytes.find('\n') + 1, second = bytes.find('\n', first) + 1,
                    third = bytes.find('\n', second) + 1;
  auto header = parse_json(bytes.substr(first, second - first));
  change(header);
  const std::string head = bytes.substr(0, first) + json_line(header) + "\n", values = bytes.substr(third);
  const auto crc = [](uLong sum, const std::string& text) {
    return crc32_z(sum, reinterpret_cast<const Bytef*>(text.data()), text.size());
  };
  char line[32];
  std::snprintf(line, sizeof line, "crc32 %08lx\n", crc(crc(crc32_z(0, nullptr, 0), head), values));
  return head + line + values;
}

TEST(Checkpoint, ReadsWhatItWrote) {
  const Checkpoint written = small_checkpoint();
  const Checkpoint read = parse_checkpoint(serialize(written), "test");
  EXPECT_EQ(read.space, "nasbench201");
  EXPECT_EQ(read.training, R"({"seed":4})");
  EXPECT_TRUE(same_values(read.parameters.theta, written.parameters.theta));
  EXPECT_TRUE(same_values(read.parameters.rates, written.parameters.rates));
  EXPECT_TRUE(same_values(read.parameters.z, written.parameters.z));
}

TEST(Checkpoint, CutAnywhereIsAnError) {
  const std::string bytes = serialize(small_checkpoint());
  for (std::size_t size = 0; size < bytes.size(); size += size < 4000 ? 7 : 50021) {
    EXPECT_THROW((void)parse_checkpoint(bytes.substr(0, size), "test"), DataError) << size;
  }
  EXPECT_THROW((void)parse_checkpoint(bytes + "x", "test"), DataError);
}

TEST(Checkpoint, WithAnyByteFlippedIsAnError) {
  std::string bytes = serialize(small_checkpoint());
  Rng rng(9);
  for (int i = 0; i < 200; ++i) {
    const std::size_t at = rng.below(i % 2 == 0 ? 3000 : bytes.size());
    const auto flip = static_cast<char>(1 + rng.below(255));
    bytes[at] = static_cast<char>(bytes[at] ^ flip);
    EXPECT_THROW((void)parse_checkpoint(bytes, "test"), DataError) << at;
    bytes[at] = static_cast<char>(bytes[at] ^ flip);
  }
}

TEST(Checkpoint, OfAForgedHeaderIsAnError) {
  const std::string bytes = serialize(small_checkpoint());
  EXPECT_NO_THROW((void)parse_checkpoint(forged(bytes, [](auto&) {}), "test"));
  const auto expect_error = [&](const std::function<void(Json&)>& change) {
    EXPECT_THROW((void)parse_checkpoint(forged(bytes, change), "test"), DataError);
  };
  expect_error([](auto& h) { h.erase("matrices"); });
  expect_error([](auto& h) { h["matrices"] = 5; });
  expect_error([](auto& h) { h["matrices"].erase(0); });
  expect_error([](auto& h) { h["matrices"][0]["rows"] = -8; });
  expect_error([](auto& h) { h["matrices"][0]["rows"] = 1LL << 62; });
  expect_error([](auto& h) { h["matrices"][0]["rows"] = "8"; });
  expect_error([](auto& h) { std::swap(h["matrices"][0]["rows"], h["matrices"][0]["columns"]); });
  expect_error([](auto& h) { h["matrices"][2]["name"] = "gc9.weight"; });
  expect_error([](auto& h) { h["predictor"] = "oracle"; });
  expect_error([](auto& h) { h["space"] = nullptr; });
  expect_error([](auto& h) { h = Json::array(); });
  expect_error([](auto& h) { h["training"] = 3; });
  expect_error([](auto& h) { h["training"] = {{"train", 5}}; });
  expect_error([](auto& h) { h["training"] = {{"train", {"a", 5}}}; });
  expect_error([](auto& h) { h["training"] = {{"inner_steps", 21}}; });
  expect_error([](auto& h) {
    Json nested = 1;
    for (int depth = 0; depth < 10; ++depth) nested = Json::array({nested});
    h["training"] = {{"note", nested}};
  });
}

TEST(Checkpoint, WithAValueThatIsNotFiniteIsAnError) {
  Checkpoint checkpoint = small_checkpoint();
  checkpoint.parameters.rates[3].value(0, 5) = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THROW((void)parse_checkpoint(serialize(checkpoint), "test"), DataError);
}

TEST(Checkpoint, OfHelpsRepositoryHasTheirNamesAndShapes) {
  NASLAT_NEEDS_TEST_DATA();
  const Checkpoint released = read_checkpoint(test_data() / "help/data/nasbench201/checkpoint/help_max_corr.pt");
  EXPECT_EQ(released.space, "nasbench201");
  ASSERT_EQ(released.parameters.theta.size(), 18U);
  EXPECT_EQ(released.parameters.theta[0].name, "gc1.weight");
  EXPECT_EQ(released.parameters.z[2].value.rows(), 1206);  // 603 means, 603 spreads
  EXPECT_EQ(source_devices(released).size(), 13U);
  EXPECT_EQ(design_of(released), HelpDesign{});
}

TEST(BuiltInCheckpoint, SaysWhatItWasTrainedFromAndNamesSpacesThatHaveNone) {
  const Checkpoint& built_in = built_in_checkpoint("nasbench201");
  EXPECT_EQ(built_in.space, "nasbench201");
  const auto training = parse_json(built_in.training);
  EXPECT_EQ(training.at("episodes"), 2000);
  EXPECT_GT(training.at("validation_spearman"), 0.93);
  EXPECT_THROW((void)built_in_checkpoint("fbnet"), DataError);
}

}  // namespace
}  // namespace naslat
