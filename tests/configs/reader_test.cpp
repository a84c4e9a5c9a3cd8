#include "configs/reader.hpp"

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "configs/errors.hpp"
#include "configs/files.hpp"
#include "spaces/random.hpp"
#include "tests/temporary_folder.hpp"

namespace naslat {
namespace {

/// A command with one option of each kind, and a config file for it.
class ConfigFile : public testing::Test {
 protected:
  ConfigFile() {
    app_.add_option_function<std::string>("--config", [this](const std::string& path) { read_config(path, app_); });
    app_.add_option("--threads", threads_)->check(CLI::Range(1, 64));
    app_.add_option("--trim", trim_);
    app_.add_option("--out", out_)->required();
    app_.add_option("--archs", archs_);
    app_.add_flag("--json", json_);
  }

  void read(const std::string& text, std::vector<std::string> command_line = {}) {
    write_file(path_, text);
    command_line.insert(command_line.begin(), {"--config", path_});
    std::reverse(command_line.begin(), command_line.end());  // CLI11 takes arguments last first
    app_.parse(command_line);
  }
  /// The message without the folder, or nothing if the file was read.
  std::string error_of(const std::string& text) {
    try {
      read(text, {"--out", "x"});
    } catch (const ConfigError& error) {
      const std::string message = error.what();
      return message.substr(message.find("reader_test.toml") + 12);
    }
    return {};
  }

  CLI::App app_{"", "measure"};
  TemporaryFolder folder_;
  std::string path_ = folder_ / "reader_test.toml", out_;
  int threads_ = 1;
  double trim_ = 0.1;
  std::vector<std::string> archs_;
  bool json_ = false;
};

TEST_F(ConfigFile, GivesEveryOptionItsValueAndSatisfiesRequiredOnes) {
  read("threads = 4\ntrim = 0.25\nout = 'a.jsonl'\narchs = ['reference', 'random:60']\njson = true\n");
  EXPECT_EQ(threads_, 4);
  EXPECT_EQ(trim_, 0.25);
  EXPECT_EQ(out_, "a.jsonl");
  EXPECT_EQ(archs_, (std::vector<std::string>{"reference", "random:60"}));
  EXPECT_TRUE(json_);
}

TEST_F(ConfigFile, SetsAFlagByWhicheverOfItsNames) {
  for (const auto& [line, no_pin] : {std::pair("pin = true", false), std::pair("no-pin = true", true),
                                     std::pair("pin = false", true), std::pair("no-pin = false", false)}) {
    CLI::App app;
    bool value = !no_pin;
    app.add_flag("--no-pin,!--pin", value);
    write_file(path_, line);
    read_config(path_, app);
    EXPECT_EQ(value, no_pin) << line;
  }
}

TEST_F(ConfigFile, YieldsToTheCommandLine) {
  read("threads = 4\nout = 'file'\narchs = ['all']\n", {"--archs", "reference", "--threads", "8"});
  EXPECT_EQ(threads_, 8);
  EXPECT_EQ(out_, "file");
  EXPECT_EQ(archs_, std::vector<std::string>{"reference"});
}

TEST_F(ConfigFile, YieldsToWhatTheCommandLineExcludes) {
  CLI::App app;
  std::string archs, next;
  CLI::Option* const option = app.add_option("--archs", archs);
  app.add_option("--next", next)->excludes(option);
  app.add_option_function<std::string>("--config", [&](const std::string& path) { read_config(path, app); });
  write_file(path_, "archs = 'reference'\n");
  app.parse(std::vector<std::string>{"5", "--next", path_, "--config"});
  EXPECT_EQ(archs, "");
  EXPECT_EQ(next, "5");
  write_file(path_, "archs = 'reference'\nnext = '5'\n");
  EXPECT_THROW(app.parse(std::vector<std::string>{path_, "--config"}), CLI::ExcludesError);
}

TEST_F(ConfigFile, GivesWhatStandsByItsPlace) {
  CLI::App app;
  std::vector<std::string> data;
  app.add_option("data", data)->expected(1, 1000)->required();
  app.add_option_function<std::string>("--config", [&](const std::string& path) { read_config(path, app); });
  write_file(path_, "data = ['a.jsonl', 'b.jsonl']\n");
  app.parse(std::vector<std::string>{path_, "--config"});
  EXPECT_EQ(data, (std::vector<std::string>{"a.jsonl", "b.jsonl"}));
  app.parse(std::vector<std::string>{"c.jsonl", path_, "--config"});
  EXPECT_EQ(data, std::vector<std::string>{"c.jsonl"});
}

TEST_F(ConfigFile, ErrorsFoundLaterNameThePlaceToo) {
  write_file(path_, "\nthreads = 4\nout = 'file'\n");
  CLI::App app;
  app.add_option("--threads", threads_);
  app.add_option("--out", out_);
  ConfigPlaces places;
  app.add_option_function<std::string>("--config", [&](const std::string& path) { places = read_config(path, app); });
  app.parse(std::vector<std::string>{"other", "--out", path_, "--config"});
  EXPECT_EQ(placed(places, "threads: got 4, wanted 1..2"), path_ + ":2: threads: got 4, wanted 1..2");
  EXPECT_EQ(placed(places, "out: got other"), "out: got other");
  EXPECT_EQ(placed(places, "thread"), "thread");
}

TEST_F(ConfigFile, FalseLeavesAFlagOff) {
  read("out = 'file'\njson = false\n");
  EXPECT_FALSE(json_);
}

TEST_F(ConfigFile, ErrorsNameLineKeyGotAndWanted) {
  EXPECT_EQ(error_of("threads = 2\nthread = 2\n"), "toml:2: thread: no such option of 'naslat measure'");
  EXPECT_EQ(error_of("\n\nthreads = 65\n"), "toml:3: threads: got 65, wanted INT in [1 - 64]");
  EXPECT_EQ(error_of("threads = '2'\n"), "toml:1: threads: got 2, wanted INT in [1 - 64]");
  EXPECT_EQ(error_of("threads = [1, 2]\n"), "toml:1: threads: got 1, 2, wanted INT in [1 - 64]");
  EXPECT_EQ(error_of("threads = 2.5\n"), "toml:1: threads: got 2.5, wanted INT in [1 - 64]");
  EXPECT_EQ(error_of("trim = 'much'\n"), "toml:1: trim: got much, wanted FLOAT");
  EXPECT_EQ(error_of("trim = true\n"), "toml:1: trim: got true, wanted FLOAT");
  EXPECT_EQ(error_of("json = 1\n"), "toml:1: json: got 1, wanted true or false");
  EXPECT_EQ(error_of("archs = [['a']]\n"), "toml:1: archs: got a list of lists, wanted a list of numbers or texts");
  EXPECT_EQ(error_of("archs = []\n"), "toml:1: archs: got an empty list, wanted TEXT");
  EXPECT_EQ(error_of("config = 'other.toml'\n"), "toml:1: config: no such option of 'naslat measure'");
  EXPECT_EQ(error_of("[measure]\nthreads = 2\n"), "toml:1: measure: no such option of 'naslat measure'");
}

TEST_F(ConfigFile, TheFirstOfSeveralErrorsIsTold) {
  EXPECT_EQ(error_of("b = 1\na = 1\nzz = 1\nc = 1\n"), "toml:1: b: no such option of 'naslat measure'");
}

TEST_F(ConfigFile, SyntaxErrorsNameTheLine) {
  EXPECT_TRUE(error_of("threads = 2\n\nthreads 3\n").starts_with("toml:3: not TOML: "))
      << error_of("threads = 2\n\nthreads 3\n");
  EXPECT_EQ(error_of("threads = 2\nout = 'a\xff'\n"), "toml:2: not UTF-8");
  EXPECT_TRUE(error_of("threads = 2\nthreads = 3\n").starts_with("toml:")) << error_of("threads = 2\nthreads = 3\n");
}

TEST_F(ConfigFile, NestingThatWouldExhaustTheStackIsRefused) {
  const auto repeated = [](const std::string& text, int count) {
    std::string all;
    for (int i = 0; i < count; ++i) all += text;
    return all;
  };
  EXPECT_NE(error_of("archs = " + repeated("[", 100'000)), "");
  EXPECT_NE(error_of("archs = " + repeated("{a=", 100'000)), "");
  EXPECT_NE(error_of(repeated("a.", 100'000) + "a = 1"), "");
  EXPECT_NE(error_of("[" + repeated("a.", 100'000) + "a]"), "");
  EXPECT_NE(error_of("archs = " + repeated("[", 250)), "");
  EXPECT_NE(error_of(std::string(2 << 20, '#')), "");
}

/// Whatever the bytes, reading them ends, with a ConfigError or without.
TEST_F(ConfigFile, DamagedFilesAreErrorsAndNeverMore) {
  const std::string sound =
      "threads = 4  # comment\ntrim = 1.5e-1\narchs = [\"a\\u00e9\\n\", 'b',\n  '''c''']\njson = true\nout = "
      "\"\"\"\nx\"\"\"\n"
      "when = 1979-05-27T07:32:00Z\nhex = 0xff\n[table.inner]\nkey = { a = 1, b = [2] }\n[[list]]\n";
  for (std::size_t length = 0; length <= sound.size(); ++length) error_of(sound.substr(0, length));
  Rng rng(1);
  for (int round = 0; round < 1500; ++round) {
    std::string damaged = sound;
    for (std::uint64_t flips = 1 + rng.below(4); flips > 0; --flips) {
      damaged[rng.below(damaged.size())] = static_cast<char>(rng.below(256));
    }
    error_of(damaged);
  }
  for (const char* hostile :
       {"\xef\xbb\xbf", "a = \"\\U00110000\"", "a = \"\\ud800\"", "threads = 99999999999999999999", "trim = 1e999",
        "trim = nan", "when = 9999-99-99", "\"\" = 1", "out = \"\\x\"", "= 1", "a = 0b2"}) {
    error_of(hostile);
  }
}

/// [sets.NAME] tables in file order, every value as a command line would give it.
TEST(ConfigSections, AreReadInFileOrderOrRefusedByLine) {
  const TemporaryFolder folder;
  const auto read = [&](const std::string& text) {
    folder.write("sets.toml", text);
    return read_sections((folder / "sets.toml").string(), "sets");
  };
  const auto sections = read("[sets.B]\nspace = \"fbnet\"\npartial = true\n[sets.A]\ntrain = [\"x\", \"y\"]\n");
  ASSERT_EQ(sections.size(), 2U);
  EXPECT_EQ(sections[0].name, "B");
  EXPECT_EQ(sections[0].values.at("space"), std::vector<std::string>{"fbnet"});
  EXPECT_EQ(sections[0].values.at("partial"), std::vector<std::string>{"true"});
  EXPECT_EQ(sections[1].values.at("train"), (std::vector<std::string>{"x", "y"}));
  for (const char* text : {"other = 1\n", "[sets]\nA = 3\n", "[sets.A\n", "[sets.A.B]\nx = 1\n"}) {
    EXPECT_THROW(static_cast<void>(read(text)), ConfigError) << text;
  }
}

}  // namespace
}  // namespace naslat
