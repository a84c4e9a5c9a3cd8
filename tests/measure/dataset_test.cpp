#include "measure/dataset.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "configs/errors.hpp"
#include "configs/files.hpp"
#include "measure/merge.hpp"
#include "tests/measure/example_measurement.hpp"
#include "tests/temporary_folder.hpp"

namespace naslat {
namespace {

Measurement numbered(int i) {
  Measurement m = example_measurement();
  m.architecture = "a" + std::to_string(i);
  m.anchor_s = {1.0 + i, 1.0 + i};
  return m;
}

/// Ends of the lines of a text.
std::vector<std::size_t> line_ends(const std::string& text) {
  std::vector<std::size_t> ends;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n') ends.push_back(i);
  }
  return ends;
}

TEST(Dataset, ReadsWhatWasAppended) {
  const TemporaryFolder folder;
  const auto path = folder / "deep/er/d.jsonl";
  {
    DatasetWriter writer(path);
    writer.append(Environment{"k", {{"cpu", "x", ""}}});
    writer.append(Environment{"k", {{"cpu", "y", ""}}});
    for (int i = 0; i < 3; ++i) writer.append(numbered(i));
    EXPECT_EQ(writer.dataset().measurements.size(), 3U);
  }
  const Dataset dataset = read_dataset(path);
  ASSERT_EQ(dataset.measurements.size(), 3U);
  EXPECT_EQ(dataset.measurements[2], numbered(2));
  ASSERT_EQ(dataset.environments.size(), 1U);
  EXPECT_EQ(dataset.environments[0].find("cpu")->value, "x");
  EXPECT_DOUBLE_EQ(dataset.reference_anchor_s("nasbench201", "xeon_t2_b1_f32_fused"), 2);
  EXPECT_DOUBLE_EQ(dataset.reference_anchor_s("other", "xeon_t2_b1_f32_fused"), 1);
  EXPECT_EQ(dataset.devices(), std::vector<std::string>{"xeon_t2_b1_f32_fused"});
}

TEST(Dataset, CutAtAnyByteReopensWithAllCompleteRecords) {
  const TemporaryFolder folder;
  const auto path = folder / "d.jsonl";
  {
    DatasetWriter writer(path);
    for (int i = 0; i < 3; ++i) writer.append(numbered(i));
  }
  const std::string whole = read_file(path);
  const std::vector<std::size_t> ends = line_ends(whole);
  for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
    folder.write("cut.jsonl", whole.substr(0, cut));
    std::size_t complete = 0;
    for (const std::size_t end : ends) complete += cut >= end ? 1 : 0;  // the line break itself may be missing
    EXPECT_EQ(read_dataset(folder / "cut.jsonl").measurements.size(), complete) << cut;
    if (cut % 7 != 0 && cut + 2 < whole.size()) continue;
    {
      DatasetWriter writer(folder / "cut.jsonl");
      writer.append(numbered(9));
    }
    const Dataset again = read_dataset(folder / "cut.jsonl");
    ASSERT_EQ(again.measurements.size(), complete + 1) << cut;
    EXPECT_EQ(again.measurements.back(), numbered(9));
  }
}

std::string error_of(const std::filesystem::path& path) {
  try {
    const DatasetWriter writer(path);
  } catch (const DataError& error) {
    return error.what();
  }
  return "";
}

TEST(Dataset, RefusesASecondWriter) {
  const TemporaryFolder folder;
  const auto path = folder / "d.jsonl";
  {
    const DatasetWriter writer(path);
    EXPECT_EQ(error_of(path), path.string() + ": is being written by another process, wanted one writer");
  }
  EXPECT_EQ(error_of(path), "");
}

TEST(Dataset, NamesPathAndLineOfACompleteLineThatIsNoRecord) {
  const TemporaryFolder folder;
  folder.write("d.jsonl", "\n{\"type\":\"guess\",\"version\":1}\n");
  const std::string path = (folder / "d.jsonl").string();
  EXPECT_EQ(error_of(path), path + ":2: type: got \"guess\", wanted measurement or environment");
  EXPECT_EQ(read_file(path).size(), 30U);  // nothing of it is thrown away
}

TEST(Dataset, LeavesNoEmptyFileBehind) {
  const TemporaryFolder folder;
  { const DatasetWriter writer(folder / "made/d.jsonl"); }
  EXPECT_FALSE(std::filesystem::exists(folder / "made"));
  { const DatasetWriter writer(folder / "d.jsonl"); }
  EXPECT_FALSE(std::filesystem::exists(folder / "d.jsonl"));
  folder.write("mine.jsonl", "");
  { const DatasetWriter writer(folder / "mine.jsonl"); }
  EXPECT_TRUE(std::filesystem::exists(folder / "mine.jsonl"));
}

TEST(Dataset, LeavesALinkThatPointsNowhereAsItWas) {
  const TemporaryFolder folder;
  std::filesystem::create_symlink("there.jsonl", folder / "link.jsonl");
  { const DatasetWriter writer(folder / "link.jsonl"); }
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "link.jsonl"));
  EXPECT_FALSE(std::filesystem::exists(folder / "there.jsonl"));
}

TEST(Dataset, SaysWhyAFolderCannotBeWritten) {
  const TemporaryFolder folder;
  EXPECT_NE(error_of(folder.path()).find("cannot be opened for writing"), std::string::npos);
  folder.write("file", "");
  EXPECT_NE(error_of(folder / "file/d.jsonl").find("cannot be made: Not a directory"), std::string::npos);
}

/// Records would go where nobody finds them.
TEST(Dataset, NoticesThatItWasTakenAway) {
  const TemporaryFolder folder;
  const auto path = folder / "d.jsonl";
  const auto error_after = [&](auto take_away) -> std::string {
    std::filesystem::remove(path);
    DatasetWriter writer(path);
    writer.append(numbered(1));
    take_away();
    try {
      writer.append(numbered(2));
    } catch (const DataError& error) {
      return error.what();
    }
    return "";
  };
  const std::string gone = path.string() + ": was removed or replaced while it was being written";
  EXPECT_EQ(error_after([] {}), "");
  EXPECT_EQ(error_after([&] { std::filesystem::remove(path); }), gone);
  EXPECT_EQ(error_after([&] {
              std::filesystem::rename(path, folder / "other.jsonl");
              folder.write("d.jsonl", "");
            }),
            gone);
  EXPECT_NE(error_after([&] { std::filesystem::resize_file(path, 5); }).find("was cut to 5 bytes"), std::string::npos);
}

std::filesystem::path dataset_of(const TemporaryFolder& folder, const std::string& name,
                                 const std::vector<Measurement>& measurements) {
  DatasetWriter writer(folder / name);
  for (const Measurement& m : measurements) writer.append(m);
  return folder / name;
}

TEST(Merge, KeepsEqualRecordsOnceAndNamesDifferentOnes) {
  const TemporaryFolder folder;
  Measurement other = numbered(1);
  other.samples_s[0] *= 2;
  const auto a = dataset_of(folder, "a.jsonl", {numbered(0), numbered(1)});
  const auto b = dataset_of(folder, "b.jsonl", {numbered(0), other, numbered(2)});
  const Merged merged = merge_datasets({a, b}, Keep::neither);
  EXPECT_EQ(merged.dataset.measurements.size(), 3U);
  EXPECT_EQ(merged.duplicates, 1U);
  ASSERT_EQ(merged.conflicts.size(), 1U);
  EXPECT_NE(merged.conflicts[0].find("a1"), std::string::npos);
  EXPECT_NE(merged.conflicts[0].find("b.jsonl"), std::string::npos);
  EXPECT_EQ(merge_datasets({a, b}, Keep::first).dataset.measurements[1], numbered(1));
  EXPECT_EQ(merge_datasets({a, b}, Keep::last).dataset.measurements[1], other);
}

TEST(Merge, RefusesOneNameForTwoDevices) {
  const TemporaryFolder folder;
  Measurement eager = numbered(1);
  eager.device_config.mode = GraphMode::eager;
  const auto a = dataset_of(folder, "a.jsonl", {numbered(0)}), b = dataset_of(folder, "b.jsonl", {eager});
  EXPECT_THROW((void)merge_datasets({a, b}, Keep::first), DataError);
}

TEST(Merge, WarnsOfOneNameForTwoEnvironments) {
  const TemporaryFolder folder;
  Measurement elsewhere = numbered(1);
  elsewhere.environment = "other";
  const Merged merged = merge_datasets(
      {dataset_of(folder, "a.jsonl", {numbered(0)}), dataset_of(folder, "b.jsonl", {elsewhere})}, Keep::neither);
  EXPECT_EQ(merged.warnings.size(), 1U);
  EXPECT_TRUE(merged.conflicts.empty());
}

}  // namespace
}  // namespace naslat
