#include "measure/hw_nas_bench.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <functional>

#include "configs/errors.hpp"
#include "configs/files.hpp"
#include "measure/import.hpp"
#include "spaces/random.hpp"
#include "spaces/search_space.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/test_data.hpp"

namespace naslat {
namespace {

using namespace std::string_literals;

constexpr std::uint64_t kCells = 15'625;

std::string text(const std::string& value) {
  std::string opcodes = "X";
  for (int byte = 0; byte < 4; ++byte) opcodes += static_cast<char>(value.size() >> (8 * byte));
  return opcodes + value;
}
std::string number(double value) {
  const std::uint64_t bits = std::bit_cast<std::uint64_t>(value);
  std::string opcodes = "G";
  for (int byte = 7; byte >= 0; --byte) opcodes += static_cast<char>(bits >> (8 * byte));
  return opcodes;
}
std::string list(std::uint64_t size, const std::function<std::string(std::uint64_t)>& element) {
  std::string opcodes = "](";
  for (std::uint64_t i = 0; i < size; ++i) opcodes += element(i);
  return opcodes + "e";
}
std::string numbers(std::uint64_t size, const std::function<double(std::uint64_t)>& element) {
  return list(size, [&](std::uint64_t i) { return number(element(i)); });
}
/// The same as a numpy array.
std::string array(std::uint64_t size, const std::function<double(std::uint64_t)>& element) {
  std::string bytes;
  for (std::uint64_t i = 0; i < size; ++i) {
    const std::uint64_t bits = std::bit_cast<std::uint64_t>(element(i));
    for (int byte = 0; byte < 8; ++byte) bytes += static_cast<char>(bits >> (8 * byte));
  }
  const std::string length = text(bytes).substr(1, 4);
  return "cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85"
         "C\x01"
         "b\x87R(K\x01M"s +
         std::string({static_cast<char>(size), static_cast<char>(size >> 8)}) + "\x85" + "cnumpy\ndtype\n" +
         text("f8") + "\x89\x88\x87R(K\x03" + text("<") + "tb\x89" + "B" + length + bytes + "tb";
}
std::string dict(const std::vector<std::pair<std::string, std::string>>& entries) {
  std::string opcodes = "}(";
  for (const auto& [key, value] : entries) opcodes += text(key) + value;
  return opcodes + "u";
}
double milliseconds(std::uint64_t i) { return 1 + 0.25 * static_cast<double>(i); }

/// One file of HW-NAS-Bench's structure; what a test wants otherwise is put in by the caller.
class HwNasBench : public testing::Test {
 protected:
  [[nodiscard]] static std::string config(std::uint64_t i) {
    const SearchSpace& space = search_space("nasbench201");
    return dict({{"name", text("infer.tiny")}, {"arch_str", text(space.format(space.at(i)))}});
  }
  [[nodiscard]] static std::string file_of(const std::string& columns) {
    return "\x80\x03" +
           dict({{"nasbench201", dict({{"cifar10", columns}, {"ImageNet16-120", columns}})},
                 {"fbnet", dict({{"raspi4_latency", dict({{"FC_Cin1504_Cout100", number(0.1)}})}})}}) +
           ".";
  }
  [[nodiscard]] std::vector<LatencyTable> read(const std::string& bytes, const std::string& space = "nasbench201") {
    folder_.write("HW-NAS-Bench-v1_0.pickle", bytes);
    return read_published_tables("hw-nas-bench", folder_ / "HW-NAS-Bench-v1_0.pickle", space);
  }
  /// The message after the file's name.
  [[nodiscard]] std::string error_of(const std::string& bytes, const std::string& space = "nasbench201") {
    try {
      static_cast<void>(read(bytes, space));
    } catch (const DataError& error) {
      const std::string message = error.what(), name = ".pickle: ";
      return message.substr(message.find(name) + name.size());
    }
    return {};
  }

  TemporaryFolder folder_;
};

TEST_F(HwNasBench, LatenciesAreReadFromListsAndArraysInIndexOrder) {
  const auto with_a_gap = [](std::uint64_t i) { return i == 3 ? -1 : milliseconds(i); };
  const std::string columns = dict({{"config", list(kCells, config)},
                                    {"raspi4_latency", numbers(kCells, milliseconds)},
                                    {"edgegpu_energy", numbers(2, milliseconds)},
                                    {"edgetpu_latency", array(kCells, with_a_gap)}});
  for (const char* space : {"nasbench201", "nasbench201-imagenet16"}) {
    const auto tables = read(file_of(columns), space);
    ASSERT_EQ(tables.size(), 2U);
    EXPECT_EQ(tables[0].device, "raspi4");
    EXPECT_EQ(tables[1].device, "edgetpu");
    EXPECT_EQ(tables[0].space, space);
    EXPECT_EQ(tables[0].origin, Origin::imported);
    EXPECT_EQ(tables[0].architectures->at(77), search_space(space).at(77));
    EXPECT_EQ(tables[0].latency_s[77], milliseconds(77) / 1e3);
    EXPECT_EQ(tables[1].latency_s[77], milliseconds(77) / 1e3);
    EXPECT_TRUE(std::isnan(tables[1].latency_s[3]));
  }
}

TEST_F(HwNasBench, TablesOfOtherNetworksAreErrors) {
  const auto columns = [](const std::string& latencies) { return file_of(dict({{"fpga_latency", latencies}})); };
  EXPECT_EQ(error_of(columns(numbers(3, milliseconds))), "cifar10 fpga_latency: got 3 latencies, wanted 15625");
  EXPECT_EQ(error_of(columns(array(3, milliseconds))), "cifar10 fpga_latency: got 3 latencies, wanted 15625");
  EXPECT_EQ(error_of(columns(text("fast"))), "cifar10 fpga_latency: got a text, wanted a list");
  EXPECT_EQ(error_of(columns(numbers(kCells, [](std::uint64_t i) { return i == 9 ? 0 : 1; }))),
            "cifar10 fpga_latency 9: got 0, wanted a positive number, or -1 for none");
  EXPECT_EQ(error_of(file_of(dict({{"config", list(2, [](std::uint64_t i) { return config(i + 1); })}}))).substr(0, 22),
            "cifar10 config 0: got ");
  EXPECT_EQ(error_of(file_of(dict({{"fpga_energy", "]"}}))), "cifar10: no entry that ends in _latency");
  EXPECT_EQ(error_of("\x80\x03}."), "no entry 'nasbench201'");
  EXPECT_EQ(error_of(file_of("}"), "nasbench201-cifar100"), "nasbench201: no entry 'cifar100'");
  EXPECT_EQ(error_of(file_of("}"), "fbnet").substr(0, 31), "got space fbnet, wanted nasbenc");
}

/// Whatever the bytes, reading them ends, with a DataError or without, and nothing in them is run.
TEST_F(HwNasBench, HostileFilesAreErrors) {
  const std::string system = "cposix\nsystem\n" + text("true") + "\x85R";
  EXPECT_NE(error_of(file_of(dict({{"fpga_latency", system}}))).find("call of 'posix system' is not plain data"),
            std::string::npos);
  EXPECT_NE(error_of("\x80\x03]q\x01h\x01"
                     "a.")
                .find("nested deeper"),
            std::string::npos);
  EXPECT_NE(error_of("index,raspi4_ms\n0,1\n").find("pickle byte"), std::string::npos);
  const std::string sound = file_of(dict({{"config", list(4, config)}, {"fpga_latency", array(4, milliseconds)}}));
  for (std::size_t length = 0; length < sound.size(); ++length) {
    EXPECT_FALSE(error_of(sound.substr(0, length)).empty()) << length;
  }
  Rng rng(1);
  for (int round = 0; round < 500; ++round) {
    std::string damaged = sound;
    for (std::uint64_t flips = 1 + rng.below(3); flips > 0; --flips) {
      damaged[rng.below(damaged.size())] = static_cast<char>(rng.below(256));
    }
    static_cast<void>(error_of(damaged));
  }
}

/// The file itself, where somebody has put it among the published tables: four of its devices are in HELP's tables too.
TEST_F(HwNasBench, TheFileItselfEqualsItsCsvTable) {
  NASLAT_NEEDS_TEST_DATA();
  const std::filesystem::path folder = test_data() / "hwnasbench", file = folder / "HW-NAS-Bench-v1_0.pickle";
  if (!std::filesystem::exists(file)) GTEST_SKIP() << file << " is not there";
  const auto tables = read_published_tables("hw-nas-bench", file, "nasbench201");
  EXPECT_EQ(tables.size(), 6U);
  int same = 0;
  for (const LatencyTable& wanted :
       read_published_tables("hw-nas-bench", folder / "nb201_cifar10.csv", "nasbench201")) {
    for (const LatencyTable& table : tables) {
      if (table.device != wanted.device) continue;
      for (std::size_t i = 0; i < kCells; ++i) {
        ASSERT_NEAR(table.latency_s[i], wanted.latency_s[i], 1e-7 * wanted.latency_s[i]) << table.device << " " << i;
      }
      ++same;
    }
  }
  EXPECT_EQ(same, 4);
}

}  // namespace
}  // namespace naslat
