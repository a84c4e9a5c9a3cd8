#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <set>

#include "configs/errors.hpp"
#include "configs/files.hpp"
#include "configs/json.hpp"
#include "predictor/commands.hpp"
#include "predictor/search/evolution.hpp"
#include "predictor/search/score.hpp"
#include "tests/printed.hpp"
#include "tests/temporary_folder.hpp"

namespace naslat {
namespace {

using Architectures = std::span<const Architecture>;

const SearchObserver kUnobserved = [](double, std::size_t) {};

/// Made-up figures, linear in the choices with weights that differ from choice to choice.
ArchitectureFigure weighted_sum(std::size_t multiplier, double unit) {
  return [=](Architectures architectures) {
    std::vector<double> figures;
    for (const Architecture& architecture : architectures) {
      std::size_t sum = 1;
      for (std::size_t i = 0; i < architecture.choices.size(); ++i) {
        sum += architecture.choices[i] * (3 + multiplier * (i + 1) % 11);
      }
      figures.push_back(static_cast<double>(sum) * unit);
    }
    return figures;
  };
}

SearchProblem problem_of(const std::string& space, double limit_s) {
  return {search_space(space), weighted_sum(5, 1.0), weighted_sum(7, 1e-3), limit_s};
}

std::vector<Architecture> all_of(const SearchSpace& space) {
  std::vector<Architecture> all;
  for (std::uint64_t index = 0; index < *space.size(); ++index) all.push_back(space.at(index));
  return all;
}

/// The message of what it throws, which is of that type.
template <typename Error, typename Call>
std::string error_of(const Call& call) {
  try {
    static_cast<void>(call());
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TEST(Evolution, FindsTheOptimumOfAllOfNasBench201) {
  for (const double limit_s : {20e-3, 60e-3, 100e-3}) {
    const SearchProblem problem = problem_of("nasbench201", limit_s);
    const auto all = search_all(problem, all_of(problem.space), kUnobserved);
    ASSERT_EQ(all.size(), 15625U);
    const auto bred = evolve(problem, {.seed = 1}, kUnobserved);
    EXPECT_LT(bred.size(), all.size());
    EXPECT_EQ(best(bred, 1).at(0).score, best(all, 1).at(0).score) << limit_s;
  }
}

/// Wherever on the front: about as good as a search for that limit alone.
TEST(Evolution, FindsAllOfTheParetoFront) {
  const SearchProblem free = problem_of("fbnet", std::numeric_limits<double>::infinity());
  const std::vector<Candidate> front =
      pareto_front(evolve(free, {.generations = 150, .seed = 1, .pareto = true}, kUnobserved));
  const double slowest_s = front.back().latency_s;
  EXPECT_GT(front.size(), 50U);
  EXPECT_LT(front.front().latency_s, 0.1 * slowest_s);
  for (const double share : {0.15, 0.4, 0.8}) {
    const SearchProblem limited = problem_of("fbnet", share * slowest_s);
    const double wanted = best(evolve(limited, {.generations = 150, .seed = 1}, kUnobserved), 1).at(0).score;
    double found = 0;
    for (const Candidate& candidate : front) {
      if (candidate.latency_s <= limited.limit_s) found = std::max(found, candidate.score);
    }
    EXPECT_GT(found, 0.97 * wanted) << share;
  }
}

TEST(Evolution, KeepsTheLimitAndEvaluatesEachNetworkOnce) {
  SearchProblem problem = problem_of("fbnet", 0.4);
  std::set<Architecture> asked;
  problem.latency_s = [&, latency_s = problem.latency_s](Architectures architectures) {
    for (const Architecture& architecture : architectures) EXPECT_TRUE(asked.insert(architecture).second);
    return latency_s(architectures);
  };
  const auto evaluated = evolve(problem, {.generations = 30}, kUnobserved);
  EXPECT_EQ(evaluated.size(), asked.size());
  const auto found = best(evaluated, evaluated.size());
  EXPECT_GT(found.size(), 1000U);
  for (const Candidate& candidate : found) EXPECT_LE(candidate.latency_s, 0.4);
}

TEST(Evolution, IsTheSameForEqualSeedsInEverySpace) {
  for (const auto& space : search_spaces()) {
    const SearchProblem problem{*space, weighted_sum(5, 1.0), weighted_sum(7, 1e-3)};
    const EvolutionOptions options{.population = 20, .generations = 5, .seed = 3};
    EXPECT_EQ(evolve(problem, options, kUnobserved), evolve(problem, options, kUnobserved)) << space->name();
  }
}

TEST(Evolution, MeetsALimitThatRandomNetworksDoNot) {  // the least of FBNet is 1 ms, a random one takes some 700 ms
  EXPECT_FALSE(best(evolve(problem_of("fbnet", 60e-3), {.generations = 1}, kUnobserved), 1).empty());
}

TEST(Search, OfAnImpossibleLimitNamesItAndTheLeastLatencySeen) {
  const SearchProblem problem = problem_of("nasbench201", 0.5e-3);
  EXPECT_EQ(error_of<DataError>([&] { return search_all(problem, all_of(problem.space), kUnobserved); }),
            "limit: got 0.5 ms, wanted 1.000 ms or more: the least predicted of 15625 networks");
  EXPECT_EQ(error_of<DataError>([&] { return evolve(problem, {}, kUnobserved); }).substr(0, 42),
            "limit: got 0.5 ms, wanted 1.000 ms or more");
}

TEST(Search, NeverChoosesANetworkWithoutScore) {
  SearchProblem problem = problem_of("nasbench201", 1);
  problem.score = [](Architectures architectures) { return std::vector(architectures.size(), std::nan("")); };
  EXPECT_EQ(error_of<DataError>([&] { return search_all(problem, all_of(problem.space), kUnobserved); }),
            "score: got none for the 15625 networks evaluated within the limit, wanted at least 1");
}

TEST(Search, KeepsOnTheFrontWhatNoOtherBeatsInBoth) {
  const SearchProblem problem = problem_of("nasbench201", 80e-3);
  const auto all = search_all(problem, all_of(problem.space), kUnobserved);
  const auto front = pareto_front(all);
  ASSERT_GT(front.size(), 5U);
  for (std::size_t i = 1; i < front.size(); ++i) {
    EXPECT_LT(front[i - 1].latency_s, front[i].latency_s);
    EXPECT_LT(front[i - 1].score, front[i].score);
  }
  for (const Candidate& candidate : all) {
    if (!candidate.eligible()) continue;
    EXPECT_TRUE(std::ranges::any_of(front, [&](const Candidate& kept) {
      return kept.latency_s <= candidate.latency_s && kept.score >= candidate.score;
    }));
  }
}

/// A folder with the tables of one test.
class SearchFiles : public testing::Test {
 protected:
  [[nodiscard]] std::string write(const std::string& name, const std::string& text) const {
    write_file(folder_ / name, text);
    return (folder_ / name).string();
  }

  /// From the file's name on, where it is named.
  [[nodiscard]] std::string accuracy_error(const std::string& table, const std::string& column = "") const {
    const std::string path = write("a.csv", table) + column;
    const std::string message =
        error_of<std::runtime_error>([&] { return accuracy_score(path, search_space("nasbench201")); });
    return message.substr(std::min(message.find("a.csv"), message.find("accuracy:")));
  }

  /// What `naslat search` prints.
  [[nodiscard]] static std::string search(const std::vector<std::string>& arguments) {
    return test::printed(search_command, arguments);
  }

  /// 60 cells whose milliseconds are their number of 3x3 convolutions + 1.
  [[nodiscard]] std::string phone() const {
    std::string table = "index,phone_ms\n";
    const SearchSpace& space = search_space("nasbench201");
    for (std::uint64_t index = 0; index < 60; ++index) {
      table += fmt::format("{},{}\n", index, 1 + std::ranges::count(space.at(index).choices, 3));
    }
    return write("phone.csv", table);
  }

 private:
  TemporaryFolder folder_;
};

TEST_F(SearchFiles, AccuraciesAreReadByIndexOrText) {
  const SearchSpace& space = search_space("nasbench201");
  const std::string path = write("a.csv", "architecture,c10,c100\n" + space.format(space.at(3)) + ",90,70.5\n" +
                                              space.format(space.at(4)) + ",91,\n");
  const Score score = accuracy_score(path + ":c100", space);
  EXPECT_EQ(score.known, std::vector{space.at(3)});
  const auto values = score.of(std::vector{space.at(3), space.at(4), space.at(5)});
  EXPECT_EQ(values[0], 70.5);
  EXPECT_TRUE(std::isnan(values[1]) && std::isnan(values[2]));
  EXPECT_EQ(accuracy_score(write("b.csv", "index,c10\n7,12\n"), space).known, std::vector{space.at(7)});
}

TEST_F(SearchFiles, HostileAccuraciesGiveOneLine) {
  EXPECT_EQ(accuracy_error("index,c10,c100\n1,2,3\n"), "accuracy: got column '', wanted one of c10, c100");
  EXPECT_EQ(accuracy_error("index,c10,c100\n1,2,3\n", ":x"), "accuracy: got column 'x', wanted one of c10, c100");
  EXPECT_EQ(accuracy_error("index,c10\n1,2\n", ":index"), "accuracy: got column 'index', wanted one of c10");
  EXPECT_EQ(accuracy_error("index\n1\n"), "a.csv:1: no column of accuracies");
  EXPECT_EQ(accuracy_error("name,c10\n1,2\n"), "a.csv:1: no column named architecture or index");
  EXPECT_EQ(accuracy_error("index,c10\n"), "a.csv: got no accuracies, wanted at least 1");
  EXPECT_EQ(accuracy_error("index,c10\n1,\n"), "a.csv: got no accuracies, wanted at least 1");
  EXPECT_EQ(accuracy_error("index,c10\n1\n"), "a.csv:2: got 1 cells, wanted 2");
  EXPECT_EQ(accuracy_error("index,c10\n15625,2\n"), "a.csv:2: index: got '15625', wanted 0 to 15624");
  EXPECT_EQ(accuracy_error("index,c10\n1,2\n1,3\n").substr(0, 22), "a.csv:3: architecture ");
  for (const std::string number : {"x", "1e", "nan", "inf", "-1", "100.1", "0x10", " 5"}) {
    EXPECT_EQ(accuracy_error("index,c10\n1," + number + "\n"),
              "a.csv:2: c10: got '" + number + "', wanted 0 to 100 percent");
  }
  EXPECT_THROW(static_cast<void>(accuracy_score("/nowhere.csv:c10", search_space("nasbench201"))), DataError);
}

TEST_F(SearchFiles, TheCommandFindsTheMostAccurateWithinTheLimit) {
  const std::string accuracies = write("a.csv", "index,c10\n0,50\n1,99\n2,51\n3,52\n");
  const auto document =
      parse_json(search({phone(), "--limit-ms", "100", "--accuracy", accuracies, "--top", "2", "--json", "--quiet"}));
  EXPECT_EQ(document["device"], "phone");
  EXPECT_EQ(document["origin"], "imported");
  EXPECT_EQ(document["algorithm"], "exhaustive");
  EXPECT_EQ(document["evaluated"], 4);
  ASSERT_EQ(document["networks"].size(), 2U);
  EXPECT_EQ(document["networks"][0]["index"], 1);
  EXPECT_EQ(document["networks"][0]["accuracy_percent"], 99);
  EXPECT_EQ(document["networks"][1]["index"], 3);
}

/// The limit is of predictions; where one is known to be too low, that is said.
TEST_F(SearchFiles, TheCommandSaysWhatIsKnownToBeSlower) {
  std::string table = "index,c10\n";
  for (int index = 0; index < 60; ++index) table += fmt::format("{},50\n", index);
  const auto all = parse_json(search({phone(), "--limit-ms", "100", "--accuracy", write("all.csv", table), "--top",
                                      "60", "--json", "--quiet"}))["networks"];
  const auto slower =
      std::ranges::find_if(all, [](const auto& network) { return network["latency_ms"] > network["predicted_ms"]; });
  ASSERT_NE(slower, all.end());
  const double between_ms = ((*slower)["latency_ms"].get<double>() + (*slower)["predicted_ms"].get<double>()) / 2;
  const std::string accuracies = write("a.csv", fmt::format("index,c10\n{},50\n", (*slower)["index"].get<int>()));
  const auto text_of = [&](double limit_ms) {
    return search({phone(), "--limit-ms", fmt::format("{:.9g}", limit_ms), "--accuracy", accuracies, "--quiet"});
  };
  EXPECT_NE(text_of(between_ms).find("1 of them are known to take more than "), std::string::npos);
  EXPECT_EQ(text_of(2 * between_ms).find("known to take"), std::string::npos);
}

TEST_F(SearchFiles, TheCommandSaysWhatStandsInForAccuracy) {
  const std::string text = search({phone(), "--limit-ms", "3.5", "--maximize", "macs", "--algorithm", "evolution",
                                   "--generations", "2", "--top", "1", "--quiet"});
  EXPECT_NE(text.find("nasbench201 on phone (imported), by additive from 60 samples; evolution over "),
            std::string::npos);
  EXPECT_NE(text.find("\nmacs stands in for accuracy"), std::string::npos);
  EXPECT_NE(text.find("naslat measure --space nasbench201 --archs "), std::string::npos);
}

TEST_F(SearchFiles, TheCommandRefusesWhatItCannotMean) {
  const std::string data = phone(), accuracies = write("a.csv", "index,c10\n0,50\n");
  const auto refusal = [&](const std::vector<std::string>& arguments) {
    return error_of<ConfigError>([&] { return search(arguments); });
  };
  EXPECT_EQ(refusal({data, "--limit-ms", "3"}), "accuracy, maximize: got none, wanted one of them");
  EXPECT_EQ(refusal({data, "--limit-ms", "3", "--accuracy", accuracies, "--maximize", "macs"}),
            "accuracy, maximize: got both, wanted one of them");
  EXPECT_EQ(refusal({data, "--maximize", "macs"}), "limit-ms: got none, wanted a limit, or --pareto");
  EXPECT_EQ(refusal({data, "--maximize", "macs", "--limit-ms", "nan"}), "limit-ms: got nan, wanted more than 0");
  EXPECT_EQ(refusal({data, "--maximize", "macs", "--pareto", "--top", "3"}),
            "top, pareto: got both, wanted one: a front is as long as it is");
  EXPECT_THROW(static_cast<void>(search({data, "--accuracy", accuracies, "--limit-ms", "1e-6", "--quiet"})), DataError);
}

}  // namespace
}  // namespace naslat
