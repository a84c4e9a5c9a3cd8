#include "predictor/experiment.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "configs/errors.hpp"
#include "configs/files.hpp"
#include "configs/json.hpp"
#include "predictor/commands.hpp"
#include "predictor/metrics.hpp"
#include "predictor/published_tables.hpp"
#include "predictor/results.hpp"
#include "tests/predictor/made_up_devices.hpp"
#include "tests/printed.hpp"
#include "tests/temporary_folder.hpp"

namespace naslat {
namespace {

/// Two tables of made-up devices, of lists that overlap: rows 0 to 249 of one, 50 to 299 of the other two.
class Tables : public testing::Test {
 protected:
  Tables() {
    const test::MadeUpDevices data(300);
    Rng rng(1);
    std::vector<Architecture> list = data.space.references();
    while (list.size() < 300) list.push_back(sample(data.space, rng));
    const auto write = [&](const std::string& name, const std::vector<std::size_t>& devices, std::size_t first) {
      std::string text = "architecture";
      for (const std::size_t d : devices) text += ",d" + std::to_string(d) + "_ms";
      std::set<Architecture> seen;
      for (std::size_t i = first; i < first + 250; ++i) {
        if (!seen.insert(list[i]).second) continue;
        text += "\n" + data.space.format(list[i]);
        for (const std::size_t d : devices) text += "," + std::to_string(data.devices[d].latency_s[i] * 1e3);
      }
      folder_.write(name, text + "\n");
    };
    write("a.csv", {0}, 0);
    write("b.csv", {1, 2}, 50);
    latency_s_ = {data.devices[0].latency_s, data.devices[1].latency_s, data.devices[2].latency_s};
    list_ = list;
  }

  [[nodiscard]] Experiment experiment() const {
    Experiment e;
    e.data = {(folder_ / "a.csv").string(), (folder_ / "b.csv").string()};
    e.sets = {{.name = "S", .space = "nasbench201", .devices = {"d0", "d2"}}};
    e.contestants = {{"additive", "additive", 20}, {"flops", "flops", 20}};
    e.protocols = {EvaluationProtocol::nasflat};
    e.seeds = 2;
    e.quiet = true;
    return e;
  }

  TemporaryFolder folder_;
  std::vector<std::vector<double>> latency_s_;
  std::vector<Architecture> list_;
};

/// Of the whole command, `naslat evaluate`: figures, then what is noted about them; in a folder the same.
TEST_F(Tables, TheCommandPrintsFiguresAndNotes) {
  const std::string out = (folder_ / "results").string();
  std::vector<std::string> arguments = {"--correlation", "--devices", "d0", "d2", "--repetitions", "d0=d1", "--data"};
  for (const std::string& place : experiment().data) arguments.push_back(place);
  arguments.insert(arguments.end(), {"--out", out});
  const std::string text = test::printed(evaluate_command, arguments);
  EXPECT_NE(text.find("| d0 "), std::string::npos) << text;
  EXPECT_TRUE(text.ends_with("\n\ndiagonal: first against second measurement of d0\n")) << text;
  EXPECT_EQ(read_file(folder_ / "results/results.md"), text);
}

/// Nothing that was asked for is passed over.
TEST_F(Tables, TheCommandRefusesWhatASetWouldIgnore) {
  folder_.write("sets.toml", "[sets.A]\nspace = \"fbnet\"\n[sets.B]\nspace = \"fbnet\"\npartial = true\n");
  const auto error = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--sets", folder_ / "sets.toml"});
    try {
      test::printed(evaluate_command, arguments);
    } catch (const ConfigError& refusal) {
      return std::string(refusal.what());
    }
    return std::string();
  };
  EXPECT_EQ(error({"--devices", "d2"}), "devices: got some beside --sets, where each set has its own");
  EXPECT_EQ(error({"--only", "A", "C"}), "only: got 'C', wanted some of A, B");
}

/// Whatever the order of lists, every latency stays with its architecture and device.
TEST_F(Tables, OfSeveralPlacesAreJoinedByArchitecture) {
  const auto tables = read_all_tables(experiment().data, "nasbench201");
  ASSERT_EQ(tables.size(), 3U);
  for (std::size_t d = 0; d < 3; ++d) {
    EXPECT_EQ(tables[d].device, "d" + std::to_string(d));
    ASSERT_EQ(tables[d].latency_s.size(), tables[d].architectures->size());
    std::size_t known = 0;
    for (std::size_t i = 0; i < tables[d].latency_s.size(); ++i) {
      if (std::isnan(tables[d].latency_s[i])) continue;
      ++known;
      const auto found = std::find(list_.begin(), list_.end(), (*tables[d].architectures)[i]);
      ASSERT_NE(found, list_.end());
      EXPECT_NEAR(tables[d].latency_s[i], latency_s_[d][static_cast<std::size_t>(found - list_.begin())], 1e-8);
    }
    EXPECT_GT(known, 230U);
    EXPECT_LT(known, 251U);
  }
  EXPECT_THROW(static_cast<void>(read_all_tables({"fbnet:" + (folder_ / "a.csv").string()}, "nasbench201")), DataError);
  EXPECT_THROW(static_cast<void>(read_all_tables({(folder_ / "missing").string()}, "nasbench201")), DataError);
}

TEST_F(Tables, AreCompetedOnBesideWhatOthersPublished) {
  Experiment e = experiment();
  e.sets[0].published = {"additive 0.5 0.7", "others 0.9"};
  const ExperimentResult result = run_experiment(e);
  ASSERT_EQ(result.rows.size(), 7U);  // two contestants on two devices and their mean, and the others' figure
  for (const ResultRow& row : result.rows) {
    if (row.predictor != "additive") continue;
    EXPECT_TRUE(row.designed);
    ASSERT_EQ(row.draws.size(), 2U);
    EXPECT_GT(row.draws[0].spearman, 0.98) << row.device;
    EXPECT_GT(row.draws[0].coverage90, 0.5) << row.device;
  }
  EXPECT_EQ(result.rows[2].device, "mean");
  EXPECT_NEAR(result.rows[2].published.value(), 0.6, 1e-12);
  EXPECT_NEAR(result.rows[2].draws[0].spearman,
              (result.rows[0].draws[0].spearman + result.rows[1].draws[0].spearman) / 2, 1e-12);
  EXPECT_TRUE(std::isnan(result.rows[3].draws[0].coverage90));  // flops has no intervals
  EXPECT_EQ(result.rows[6].predictor, "others");
  EXPECT_EQ(result.rows[6].published, 0.9);
  const auto json = parse_json(results_json(e, result));
  EXPECT_EQ(json.at("results").size(), 7U);
  EXPECT_EQ(json.at("results")[0].at("spearman_published"), 0.5);
  EXPECT_TRUE(json.at("results")[3].at("coverage90_mean").is_null());
}

/// What was printed as JSON is the same table again, figures missing stay empty, and anything else is refused.
TEST_F(Tables, AreRenderedFromTheirJson) {
  Experiment e = experiment();
  e.sets[0].published = {"additive 0.5 0.7", "others 0.9"};
  const Table table = results_table(results_json(e, run_experiment(e)), "results.json");
  ASSERT_EQ(table.rows.size(), 7U);
  const auto cell = [&](std::size_t row, const std::string& column) {
    const auto found =
        std::find_if(table.columns.begin(), table.columns.end(), [&](const Column& c) { return c.name == column; });
    return table.rows[row].at(static_cast<std::size_t>(found - table.columns.begin()));
  };
  EXPECT_NEAR(std::get<double>(cell(0, "difference")), std::get<double>(cell(0, "spearman")) - 0.5, 1e-12);
  EXPECT_EQ(std::get<std::string>(cell(0, "chosen")), "designed");
  EXPECT_TRUE(std::holds_alternative<std::monostate>(cell(6, "spearman")));
  EXPECT_EQ(std::get<double>(cell(6, "published")), 0.9);
  const char* const one_pair_missing = R"({"experiment": "x", "results": [
      {"device": "a", "other": "a", "spearman": 1}, {"device": "b", "other": "a", "spearman": 1},
      {"device": "b", "other": "b", "spearman": 1}]})";
  for (const char* document :
       {"", "{", "[]", "{\"experiment\": \"x\"}", "{\"experiment\": 3, \"results\": [{}]}", one_pair_missing}) {
    EXPECT_THROW(static_cast<void>(results_table(document, "results.json")), DataError) << document;
  }
}

/// What was said of each network in the first draw, as a table and as a picture; nothing of it unless asked for.
TEST_F(Tables, PredictionsAreKeptOnRequest) {
  Experiment e = experiment();
  EXPECT_TRUE(predictions_table(results_json(e, run_experiment(e)), "results.json").rows.empty());
  EXPECT_EQ(predictions_svg(results_json(e, run_experiment(e)), "results.json"), "");
  e.predictions = true;
  const ExperimentResult result = run_experiment(e);
  const std::string json = results_json(e, result);
  const Table table = predictions_table(json, "results.json");
  std::size_t networks = 0;
  for (const ResultRow& row : result.rows) networks += row.predictions.architectures.size();
  ASSERT_EQ(table.rows.size(), networks);
  ASSERT_GT(networks, 4U * 200);  // two contestants, two devices
  std::vector<double> measured, estimated;
  std::size_t within = 0;
  for (const auto& row : table.rows) {
    if (std::get<std::string>(row[1]) != "additive" || std::get<std::string>(row[4]) != "d2") continue;
    const Architecture architecture = search_space("nasbench201").parse(std::get<std::string>(row[5]));
    const auto found = std::find(list_.begin(), list_.end(), architecture);
    ASSERT_NE(found, list_.end());
    measured.push_back(std::get<double>(row[6]));
    estimated.push_back(std::get<double>(row[7]));
    within += std::abs(measured.back() - estimated.back()) <= std::get<double>(row[9]) ? 1 : 0;
    EXPECT_NEAR(measured.back(), latency_s_[2][static_cast<std::size_t>(found - list_.begin())] * 1e3, 1e-5);
  }
  EXPECT_EQ(spearman(estimated, measured), result.rows[1].draws[0].spearman);
  EXPECT_EQ(static_cast<double>(within) / static_cast<double>(measured.size()), result.rows[1].draws[0].coverage90);
  const std::string svg = predictions_svg(json, "results.json");
  EXPECT_NE(svg.find("viewBox=\"0 0 840 840\""), std::string::npos);  // two devices beside, two contestants below
  EXPECT_NE(svg.find("d2: additive, 20 samples"), std::string::npos);
  EXPECT_NE(svg.find("imported, ms"), std::string::npos);  // they are labelled wherever they are shown
  EXPECT_EQ(svg.find("measured, ms"), std::string::npos);
  EXPECT_EQ(std::get<std::string>(table.rows[0][8]), "imported");
  for (const char* document :
       {"{", "{\"predictions\": 3}", "{\"predictions\": [{}]}",
        "{\"predictions\": [{\"set\": \"\", \"predictor\": \"\", \"protocol\": \"\", \"device\": \"\", \"samples\": 1,"
        "\"architectures\": [\"a\"], \"measured_ms\": [], \"estimated_ms\": [1]}]}",
        "{\"predictions\": [{\"set\": \"\", \"predictor\": \"\", \"protocol\": \"\", \"device\": \"\", \"samples\": 1,"
        "\"architectures\": [\"a\"], \"measured_ms\": [1], \"estimated_ms\": [1], \"plus_minus_ms\": [1, 2]}]}"}) {
    EXPECT_THROW(static_cast<void>(predictions_table(document, "results.json")), DataError) << document;
  }
}

TEST_F(Tables, WithoutTargetsNamedAllOthersAreJudged) {
  Experiment e = experiment();
  e.sets[0].devices.clear();
  e.sets[0].train = {"d1"};
  const ExperimentResult result = run_experiment(e);
  ASSERT_EQ(result.rows.size(), 6U);
  EXPECT_EQ(result.rows[0].device, "d0");
  EXPECT_EQ(result.rows[1].device, "d2");
}

/// Each draw learns from a pool of its own; a pool of all source devices is what there is without pools.
TEST_F(Tables, PoolsOfSourceDevicesAreDrawnForEachSizeAndSeed) {
  Experiment e = experiment();
  e.sets[0].devices = {"d0"};
  e.sets[0].train = {"d1", "d2"};
  e.contestants = {{"additive", "additive", 5}, {"flops", "flops", 5}};
  e.seeds = 4;
  const auto rho = [](const ResultRow& row) { return row.all(&Evaluation::spearman); };
  const ExperimentResult all = run_experiment(e);
  EXPECT_EQ(all.rows[0].train_devices, 0);
  e.train_devices = {1, 2};
  const ExperimentResult result = run_experiment(e);
  ASSERT_EQ(result.rows.size(), 8U);  // two sizes, two contestants, a device and the mean
  EXPECT_EQ(result.rows[0].train_devices, 1);
  EXPECT_EQ(result.rows[4].train_devices, 2);
  EXPECT_EQ(rho(result.rows[4]), rho(all.rows[0]));
  EXPECT_EQ(rho(result.rows[6]), rho(all.rows[2]));  // flops learns from none

  const auto alone = [&](const std::string& device) {
    Experiment one = e;
    one.train_devices.clear();
    one.sets[0].train = {device};
    return rho(run_experiment(one).rows[0]);
  };
  const std::vector<double> of_d1 = alone("d1"), of_d2 = alone("d2"), drawn = rho(result.rows[0]);
  std::size_t from_d1 = 0, from_d2 = 0;
  for (std::size_t s = 0; s < drawn.size(); ++s) {
    EXPECT_TRUE(drawn[s] == of_d1[s] || drawn[s] == of_d2[s]) << s;
    from_d1 += drawn[s] == of_d1[s] ? 1 : 0;
    from_d2 += drawn[s] == of_d2[s] ? 1 : 0;
  }
  EXPECT_GT(from_d1, 0U);
  EXPECT_GT(from_d2, 0U);

  const Table table = results_table(results_json(e, result), "results.json");
  EXPECT_EQ(table.columns[3].name, "train_devices");
  EXPECT_EQ(std::get<std::int64_t>(table.rows[4][3]), 2);
  for (const int size : {0, 3}) {
    e.train_devices = {size};
    EXPECT_THROW(static_cast<void>(run_experiment(e)), ConfigError) << size;
  }
  e.train_devices = {1};
  e.checkpoint = "help.ckpt";
  EXPECT_THROW(static_cast<void>(run_experiment(e)), ConfigError);
}

TEST_F(Tables, GiveTheSameResultWhateverTheThreads) {
  Experiment e = experiment();
  const std::string one = results_json(e, run_experiment(e));
  e.threads = 2;
  EXPECT_EQ(results_json(e, run_experiment(e)), one);
}

TEST_F(Tables, MissingSourceDevicesAreNotedOnlyWhereTheSetAllowsIt) {
  Experiment e = experiment();
  e.sets[0].train = {"d1", "nosuch"};
  EXPECT_THROW(static_cast<void>(run_experiment(e)), ConfigError);
  e.sets[0].partial = true;
  const ExperimentResult result = run_experiment(e);
  ASSERT_EQ(result.notes.size(), 1U);
  EXPECT_NE(result.notes[0].find("nosuch"), std::string::npos);
}

TEST_F(Tables, ADeviceIsNotLearnedFromAndJudgedOn) {
  Experiment e = experiment();
  e.sets[0].train = {"d1", "d2"};
  EXPECT_THROW(static_cast<void>(run_experiment(e)), ConfigError);
  e.sets[0].train = {"d1"};
  e.sets[0].validate = {"d0"};
  EXPECT_THROW(static_cast<void>(run_experiment(e)), ConfigError);
}

TEST_F(Tables, LeaveNetworksToBeJudgedOn) {
  Experiment e = experiment();
  e.sets[0].devices = {"d0"};
  std::set<Architecture> measured(list_.begin(), list_.begin() + 250);
  for (auto& contestant : e.contestants) contestant.samples = static_cast<int>(measured.size()) - 1;
  for (const bool designed : {false, true}) {
    e.designed = designed;
    EXPECT_THROW(static_cast<void>(run_experiment(e)), ConfigError) << designed;
  }
  for (auto& contestant : e.contestants) --contestant.samples;
  e.seeds = 1;
  e.contestants.erase(e.contestants.begin());
  EXPECT_NO_THROW(static_cast<void>(run_experiment(e)));
}

TEST_F(Tables, FiguresPublishedMustFitTheDevices) {
  Experiment e = experiment();
  e.sets[0].published = {"additive 0.5 0.7 0.9"};
  EXPECT_THROW(static_cast<void>(run_experiment(e)), ConfigError);
  e.sets[0].published = {"additive 0.5 much"};
  EXPECT_THROW(static_cast<void>(run_experiment(e)), ConfigError);
  e.sets[0].published = {"others 0.5 0.7 0.9"};
  e.sets[0].train = {"nosuch"};  // not looked for yet
  EXPECT_THROW(static_cast<void>(run_experiment(e)), ConfigError);
}

/// What is asked was not known, and what is known was asked for.
TEST(Evaluation, DesignedSamplesAreNotAsked) {
  class Spy final : public LatencyPredictor {
   public:
    [[nodiscard]] std::string name() const override { return "spy"; }
    [[nodiscard]] std::unique_ptr<Estimator> adapt(const HardwareEmbedding&, const Samples& support, const TargetScale&,
                                                   Rng&) const override {
      class Echo final : public Estimator {
       public:
        explicit Echo(std::vector<Encoding> support) : support_(std::move(support)) {}
        [[nodiscard]] std::vector<double> predict_s(std::span<const Encoding> asked) const override {
          std::vector<double> macs;
          for (const Encoding& e : asked) {
            for (const Encoding& known : support_) EXPECT_NE(e, known);
            macs.push_back(e.macs);
          }
          return macs;
        }
        [[nodiscard]] std::vector<double> spread_s(std::span<const Encoding> asked) const override {
          return std::vector<double>(asked.size(), 1e9);
        }

       private:
        std::vector<Encoding> support_;
      };
      EXPECT_EQ(support.x.size(), 5U);
      return std::make_unique<Echo>(support.x);
    }
    [[nodiscard]] std::vector<std::size_t> next(std::span<const Encoding>, const Samples&,
                                                std::size_t count) const override {
      std::vector<std::size_t> first(count);
      for (std::size_t i = 0; i < count; ++i) first[i] = i;
      return first;
    }
  };
  const SearchSpace& space = search_space("nasbench201");
  std::vector<Architecture> list;
  for (std::uint64_t i = 0; i < 60; ++i) list.push_back(space.at(i * 200));
  const Encodings encodings = encode_all(space, list, true);
  Rng rng(1);
  const DeviceTask device = test::MadeUpDevices::device(list, rng);
  const Evaluation result = judge(ask(Spy(), encodings, device, EvaluationProtocol::nasflat, 5, 1, true));
  EXPECT_TRUE(result.designed);
  EXPECT_EQ(result.coverage90, 1);
  EXPECT_FALSE(ask(Spy(), encodings, device, EvaluationProtocol::nasflat, 5, 1, false).designed);
}

}  // namespace
}  // namespace naslat
