#include "configs/files.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "configs/errors.hpp"
#include "tests/temporary_folder.hpp"

namespace naslat {
namespace {

namespace fs = std::filesystem;

class Files : public testing::Test {
 protected:
  [[nodiscard]] std::size_t count() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder_.path()), fs::directory_iterator()));
  }
  static std::string error_of(const fs::path& path) {
    try {
      write_file(path, "new");
    } catch (const DataError& error) {
      return error.what();
    }
    return {};
  }

  TemporaryFolder folder_;
};

TEST_F(Files, AreReplacedAndNothingIsLeftBeside) {
  folder_.write("a/x.csv", "old");
  write_file(folder_ / "a/x.csv", "new");
  write_file(folder_ / "b/c/y.csv", "made");
  EXPECT_EQ(read_file(folder_ / "a/x.csv"), "new");
  EXPECT_EQ(read_file(folder_ / "b/c/y.csv"), "made");
  EXPECT_EQ(count(), 2U);
}

TEST_F(Files, BehindALinkAreReplacedAndTheLinkStays) {
  folder_.write("target", "old");
  fs::create_symlink("target", folder_ / "link");
  write_file(folder_ / "link", "new");
  EXPECT_TRUE(fs::is_symlink(folder_ / "link"));
  EXPECT_EQ(read_file(folder_ / "target"), "new");
  EXPECT_EQ(count(), 2U);
}

TEST_F(Files, PipesAreWrittenInto) {
  const fs::path pipe = folder_ / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  std::string got;
  std::thread reader([&] { got = read_file(pipe); });
  write_file(pipe, "new");
  reader.join();
  EXPECT_EQ(got, "new");
  EXPECT_TRUE(fs::is_fifo(pipe));
  EXPECT_EQ(count(), 1U);
}

TEST_F(Files, FoldersAreNoPlaceForOne) {
  fs::create_directory(folder_ / "dir");
  EXPECT_NE(error_of(folder_ / "dir").find("is a folder, wanted a file"), std::string::npos);
  EXPECT_EQ(count(), 1U);
}

TEST_F(Files, ThatAnotherWriterHasLockedStay) {
  folder_.write("data.jsonl", "old");
  const int writer = open((folder_ / "data.jsonl").c_str(), O_RDWR | O_APPEND);
  ASSERT_EQ(flock(writer, LOCK_EX | LOCK_NB), 0);
  EXPECT_NE(error_of(folder_ / "data.jsonl").find("is being written by another process"), std::string::npos);
  EXPECT_EQ(read_file(folder_ / "data.jsonl"), "old");
  close(writer);
  EXPECT_EQ(error_of(folder_ / "data.jsonl"), "");
  EXPECT_EQ(count(), 1U);
}

TEST_F(Files, ThatAreReadAreNotReplaced) {
  folder_.write("data.jsonl", "old");
  const std::vector<std::string> read = {(folder_ / "none").string(), (folder_ / "data.jsonl").string()};
  EXPECT_THROW(refuse_to_replace(folder_ / "./data.jsonl", read), ConfigError);
  EXPECT_NO_THROW(refuse_to_replace(folder_ / "other", read));
  EXPECT_NO_THROW(refuse_to_replace("", read));
}

}  // namespace
}  // namespace naslat
