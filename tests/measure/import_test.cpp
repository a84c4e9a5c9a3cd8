#include "measure/import.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>

#include "configs/errors.hpp"
#include "configs/files.hpp"
#include "measure/latency_table.hpp"
#include "measure/measurement_text.hpp"
#include "spaces/search_space.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/test_data.hpp"

namespace naslat {
namespace {

namespace fs = std::filesystem;

/// A file in a folder of its own, which goes with it.
class TemporaryFile {
 public:
  TemporaryFile(const std::string& name, const std::string& text) : path_(folder_ / name) { write_file(path_, text); }
  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  TemporaryFolder folder_;
  fs::path path_;
};

std::vector<LatencyTable> import_text(const std::string& text, const std::string& format = "csv",
                                      const std::string& space = "nasbench201") {
  const TemporaryFile file("phone.csv", text);
  return read_published_tables(format, file.path(), space);
}

/// The message from the file's name on.
std::string error_of(const std::string& text, const std::string& format = "csv") {
  try {
    static_cast<void>(import_text(text, format));
  } catch (const DataError& error) {
    const std::string message = error.what();
    return message.substr(message.find("phone.csv"));
  }
  return {};
}

TEST(Import, ReadsOneTablePerDeviceColumn) {
  const auto tables = import_text("index,a_ms,energy_mj,b_latency_ms,latency_ms\n1462,1.5,9,,4\n0,2,9,3.25,5\n");
  ASSERT_EQ(tables.size(), 3U);
  EXPECT_EQ(tables[0].device, "a");
  EXPECT_EQ(tables[0].latency_s, (std::vector<double>{1.5e-3, 2e-3}));
  EXPECT_EQ(tables[1].device, "b");
  EXPECT_TRUE(std::isnan(tables[1].latency_s[0]));
  EXPECT_EQ(tables[1].latency_s[1], 3.25e-3);
  EXPECT_EQ(tables[2].device, "phone");
  const SearchSpace& space = search_space("nasbench201");
  EXPECT_EQ(*tables[0].architectures, (std::vector<Architecture>{space.at(1462), space.at(0)}));
  EXPECT_EQ(tables[0].origin, Origin::imported);
}

TEST(Import, ArchitecturesAreNamedByTextOrIndexWhichMustAgree) {
  const SearchSpace& space = search_space("nasbench201");
  const std::string text = space.format(space.at(7));
  EXPECT_EQ(import_text("arch_str,a_ms\n" + text + ",1\n")[0].architectures->at(0), space.at(7));
  EXPECT_EQ(import_text("index,architecture,a_ms\n7," + text + ",1\n")[0].architectures->at(0), space.at(7));
  EXPECT_EQ(error_of("index,architecture,a_ms\n8," + text + ",1\n"),
            "phone.csv:2: index 8 is " + space.format(space.at(8)) + ", not " + text);
}

TEST(Import, ReadsOurOwnExportsOfEveryOrigin) {
  const auto tables = import_text("index,a_latency_ms,b_latency_ms_imported,c_latency_ms_simulated\n0,1,2,3\n");
  ASSERT_EQ(tables.size(), 3U);
  EXPECT_EQ(tables[0].device, "a");
  EXPECT_EQ(tables[1].device, "b");
  EXPECT_EQ(tables[2].device, "c_simulated");
  EXPECT_EQ(tables[2].latency_s, std::vector<double>{3e-3});
}

TEST(Import, OfATableOfSeveralSpacesTheRowsOfOne) {
  const std::string fbnet = "0 1 2 3 4 5 6 7 8 0 1 2 3 4 5 6 7 8 0 1 2 3";
  const std::string text = "space,index,architecture,a_ms,b_ms\nfbnet,," + fbnet + ",1,\nnasbench201,8,,2,3\n";
  const auto of_nasbench201 = import_text(text), of_fbnet = import_text(text, "csv", "fbnet");
  ASSERT_EQ(of_nasbench201.size(), 2U);
  EXPECT_EQ(of_nasbench201[1].latency_s, std::vector<double>{3e-3});
  ASSERT_EQ(of_fbnet.size(), 1U);  // b has none
  EXPECT_EQ(of_fbnet[0].latency_s, std::vector<double>{1e-3});
  EXPECT_EQ(of_fbnet[0].architectures->at(0), search_space("fbnet").parse(fbnet));
}

TEST(Import, ErrorsNamePathAndLine) {
  EXPECT_EQ(error_of("index,a_ms\n0,1\n15625,1\n"), "phone.csv:3: index: got '15625', wanted 0 to 15624");
  EXPECT_EQ(error_of("index,a_ms\n0,1\n0,1\n").substr(0, 27), "phone.csv:3: architecture |");
  for (const char* latency : {"0", "-1", "nan", "inf", "1e999", "fast", "1 "}) {
    EXPECT_EQ(error_of(std::string("index,a_ms\n0,") + latency + "\n"),
              std::string("phone.csv:2: a_ms: got '") + latency + "', wanted a positive number");
  }
  EXPECT_EQ(error_of("a_ms\n1\n"),
            "phone.csv:1: no column named architecture, arch_str, arch_string, index or nb201_index");
  EXPECT_EQ(error_of("index,a\n1,1\n"), "phone.csv:1: no column whose name ends in _ms");
  EXPECT_EQ(error_of("index,a_ms,a_latency_ms\n1,1,1\n"), "phone.csv:1: device a: got two columns, wanted one");
  EXPECT_EQ(error_of("space,index,a_ms\nfbnet,1,1\n"), "phone.csv:2: space: got fbnet, wanted nasbench201");
  EXPECT_NE(error_of("architecture,a_ms\n|x~0|,1\n").find("phone.csv:2: nasbench201: "), std::string::npos);
  EXPECT_THROW(static_cast<void>(import_text("index,a_ms\n0,1\n", "nosuch")), ConfigError);
}

TEST(Import, RecordsAreImportedWithoutSamplesAndRoundTripThroughTheDataset) {
  const auto tables = import_text("index,a_ms,b_ms\n1462,1.5,\n0,2,3\n");
  const Environment environment = import_environment("csv", "somewhere/phone.csv");
  EXPECT_EQ(environment.find("imported_from")->value, "phone.csv");
  std::vector<Measurement> records;
  import_records(tables, environment, [&](const Measurement& record) { records.push_back(record); });
  ASSERT_EQ(records.size(), 3U);
  EXPECT_EQ(records[0].device, "a");
  EXPECT_EQ(records[0].index, 1462U);
  EXPECT_EQ(records[2].device, "b");
  EXPECT_EQ(records[2].index, 0U);
  EXPECT_EQ(latency_s(records[2]), 3e-3);
  const SearchSpace& space = search_space("nasbench201");
  EXPECT_EQ(records[2].network_fingerprint, fingerprint(space.network(space.at(0))));
  for (const Measurement& record : records) {
    EXPECT_EQ(record.origin, Origin::imported);
    EXPECT_EQ(std::get<Measurement>(parse_line(to_line(record), "test")), record);
  }
}

TEST(LatencyTables, OfADatasetHoldImportedLatencies) {
  std::string text = to_line(import_environment("csv", "phone.csv")) + "\n";
  import_records(import_text("index,a_ms,b_ms\n1462,1.5,\n0,2,3\n"), import_environment("csv", "phone.csv"),
                 [&](const Measurement& record) { text += to_line(record) + "\n"; });
  const TemporaryFile file("tables.jsonl", text);
  const auto tables = read_latency_tables(file.path(), "nasbench201");
  ASSERT_EQ(tables.size(), 2U);
  EXPECT_EQ(tables[0].latency_s, (std::vector<double>{1.5e-3, 2e-3}));
  EXPECT_EQ(tables[0].origin, Origin::imported);
  EXPECT_TRUE(std::isnan(tables[1].latency_s[0]));
  EXPECT_EQ(tables[1].latency_s[1], 3e-3);
}

TEST(LatencyTables, OfADatasetHoldTheSecondPassByItself) {
  std::string text = to_line(import_environment("csv", "phone.csv")) + "\n";
  import_records(import_text("index,a_ms,b_ms\n1462,1.5,4\n0,2,3\n"), import_environment("csv", "phone.csv"),
                 [&](Measurement record) {
                   text += to_line(record) + "\n";
                   if (record.device == "b" || record.index == 0U) return;
                   for (record.repeat = 1; record.repeat <= 2; ++record.repeat) {
                     *record.latency_s_given *= 2;
                     text += to_line(record) + "\n";
                   }
                 });
  const TemporaryFile file("tables.jsonl", text);
  const auto tables = read_latency_tables(file.path(), "nasbench201");
  ASSERT_EQ(tables.size(), 2U);
  EXPECT_EQ(tables[0].latency_s, (std::vector<double>{1.5e-3, 2e-3}));
  ASSERT_EQ(tables[0].repeated_s.size(), 2U);
  EXPECT_EQ(tables[0].repeated_s[0], 3e-3);
  EXPECT_TRUE(std::isnan(tables[0].repeated_s[1]));
  EXPECT_TRUE(tables[1].repeated_s.empty());
}

TEST(LatencyTables, OfHelpAreReadFromItsRootOrItsDataFolder) {
  NASLAT_NEEDS_TEST_DATA();
  const auto tables = read_latency_tables(test_data() / "help", "nasbench201");
  EXPECT_EQ(tables.size(), 27U);
  EXPECT_EQ(tables.front().device, "1080ti_1");
  EXPECT_EQ(tables.front().latency_s.size(), 15'625U);
  EXPECT_EQ(tables.front().latency_s[0], 10.75437068939209 / 1e3);  // expected/latency_summary.json
  EXPECT_EQ(tables.front().architectures->at(1462), search_space("nasbench201").at(1462));
  EXPECT_EQ(read_latency_tables(test_data() / "help" / "data", "nasbench201").size(), 27U);
}

TEST(LatencyTables, ErrorsNameThePathAndTheSpace) {
  EXPECT_THROW(static_cast<void>(read_latency_tables("/nosuch", "nasbench201")), DataError);
  EXPECT_THROW(static_cast<void>(read_latency_tables(TemporaryFolder().path(), "nasbench201")), DataError);
  NASLAT_NEEDS_TEST_DATA();
  for (const char* space : {"fbnet-imagenet", "zoo", "ofa"}) {
    EXPECT_THROW(static_cast<void>(read_latency_tables(test_data() / "help", space)), DataError) << space;
  }
}

TEST(LatencyTables, OfHelpsFbnetsAndMobileNetsNameTheirArchitectures) {
  NASLAT_NEEDS_TEST_DATA();
  const struct {
    const char* space;
    std::size_t devices;
    std::vector<std::size_t> reference_rows;  // hardware_embedding_index.pt
  } kLists[] = {{"fbnet", 27, {3328, 3790, 3313, 890, 3052, 2538, 1640, 2514, 457, 2100}},
                {"mobilenetv3", 12, {1316, 1587, 1621, 1636, 1980, 2329, 2487, 3355, 3740, 4948}}};
  for (const auto& list : kLists) {
    SCOPED_TRACE(list.space);
    const auto tables = read_latency_tables(test_data() / "help", list.space);
    EXPECT_EQ(tables.size(), list.devices);
    EXPECT_EQ(tables.front().latency_s.size(), 5'000U);
    const auto references = search_space(list.space).references();
    for (std::size_t i = 0; i < references.size(); ++i) {
      EXPECT_EQ(tables.front().architectures->at(list.reference_rows[i]), references[i]) << i;
    }
  }
}

/// HW-NAS-Bench's CIFAR-10 columns are HELP's tables (hwnasbench/README.md), to the 8 digits the CSV has.
TEST(Import, HwNasBenchEqualsHelpOnTheirFourCommonDevices) {
  NASLAT_NEEDS_TEST_DATA();
  const auto published =
      read_published_tables("hw-nas-bench", test_data() / "hwnasbench" / "nb201_cifar10.csv", "nasbench201");
  const auto help = read_latency_tables(test_data() / "help", "nasbench201");
  ASSERT_EQ(published.size(), 4U);
  for (const LatencyTable& table : published) {
    const auto same = std::find_if(help.begin(), help.end(), [&](const auto& h) { return h.device == table.device; });
    ASSERT_NE(same, help.end()) << table.device;
    for (std::size_t i = 0; i < table.latency_s.size(); ++i) {
      ASSERT_NEAR(table.latency_s[i], same->latency_s[i], 1e-7 * same->latency_s[i]) << table.device << " " << i;
    }
  }
}

TEST(Import, HatsLatencyIsThatOfEncoderAndDecoderOfANamedNetwork) {
  const SearchSpace& space = search_space("hat-dataset");
  const auto references = space.references();
  const auto tables =
      import_text("encoder_layer_num,architecture,latency_mean_encoder,latency_mean_decoder\n6,\"" +
                      space.format(references[0]) + "\",5.5,124.5\n6,\"" + space.format(references[1]) + "\",,100\n",
                  "hat", "hat-dataset");
  ASSERT_EQ(tables.size(), 1U);
  EXPECT_EQ(tables[0].device, "phone");
  EXPECT_EQ(tables[0].architectures->at(1), references[1]);
  EXPECT_NEAR(tables[0].latency_s[0], 0.130, 1e-12);
  EXPECT_TRUE(std::isnan(tables[0].latency_s[1]));  // half a latency is none
  EXPECT_EQ(error_of("index,latency_mean_encoder\n0,1\n", "hat"), "phone.csv:1: no column named latency_mean_decoder");
}

/// The rows that HAT published are means over six encoder and one to six decoder layers: none names its network.
TEST(Import, HatsPublishedTablesAreRefusedSayingWhatIsMissing) {
  NASLAT_NEEDS_TEST_DATA();
  const fs::path file = test_data() / "hat" / "wmt14ende_cpu_xeon.csv";
  try {
    static_cast<void>(read_published_tables("hat", file, "hat-dataset"));
    FAIL();
  } catch (const DataError& error) {
    EXPECT_EQ(error.what(), file.string() +
                                ":1: got averages over each network's layers, which no architecture follows from, "
                                "wanted a column 'architecture' too, as `naslat spaces hat-dataset` writes them");
  }
}

TEST(Import, LatBenchColumnsAreMilliseconds) {
  NASLAT_NEEDS_TEST_DATA();
  const auto tables =
      read_published_tables("latbench", test_data() / "latbench" / "nb201_subset1999.csv", "nasbench201");
  ASSERT_EQ(tables.size(), 8U);
  EXPECT_EQ(tables[0].device, "latbench_i7_7820x_cpu_fp32");
  EXPECT_EQ(tables[0].latency_s.size(), 1999U);
  EXPECT_EQ(tables[0].latency_s[0], 7.06171 / 1e3);
}

}  // namespace
}  // namespace naslat
