#include "predictor/registry.hpp"

#include <fmt/format.h>

#include <array>
#include <functional>

#include "configs/errors.hpp"
#include "predictor/additive.hpp"
#include "predictor/anp.hpp"
#include "predictor/checkpoint.hpp"
#include "predictor/flops.hpp"
#include "predictor/from_scratch.hpp"
#include "predictor/help.hpp"
#include "predictor/layerwise.hpp"
#include "predictor/ridge.hpp"
#include "spaces/search_space.hpp"

namespace naslat {

namespace {

using Make = std::unique_ptr<LatencyPredictor> (*)(const std::string& name, const HelpTraining& training);

template <bool conditioned, bool adapted, bool learned_rates, bool modulated>
std::unique_ptr<LatencyPredictor> help_with(const std::string& name, const HelpTraining& training) {
  HelpTraining designed = training;
  designed.design = {conditioned, learned_rates, modulated, adapted ? training.design.inner_steps : 0};
  return std::make_unique<HelpPredictor>(name, designed);
}

struct Entry {
  const char* name;
  Sources sources;
  bool work;
  Make make;
};
constexpr std::array kEntries = {
    Entry{"flops", Sources::none, true,
          [](const std::string&, const HelpTraining&) -> std::unique_ptr<LatencyPredictor> {
            return std::make_unique<FlopsPredictor>();
          }},
    Entry{"layerwise", Sources::none, true,
          [](const std::string&, const HelpTraining&) -> std::unique_ptr<LatencyPredictor> {
            return std::make_unique<LayerwisePredictor>();
          }},
    Entry{"brp-nas", Sources::none, false, [](const std::string&, const HelpTraining&) { return make_brp_nas(); }},
    Entry{"scratch", Sources::none, false, [](const std::string&, const HelpTraining&) { return make_scratch(); }},
    Entry{"maml", Sources::required, false, help_with<false, true, false, false>},
    Entry{"meta-sgd", Sources::required, false, help_with<false, true, true, false>},
    Entry{"anp", Sources::required, false,
          [](const std::string&, const HelpTraining& training) { return make_anp(training); }},
    // Table 2's ablations, each adding a part to the one before
    Entry{"help-amortization", Sources::required, false, help_with<false, false, false, false>},
    Entry{"help-condition", Sources::required, false, help_with<true, false, false, false>},
    Entry{"help-adapt", Sources::required, false, help_with<true, true, true, false>},
    Entry{"help", Sources::required, false, help_with<true, true, true, true>},
    Entry{"op-counts", Sources::optional, true,
          [](const std::string& name, const HelpTraining&) -> std::unique_ptr<LatencyPredictor> {
            return std::make_unique<RidgePredictor>(name, RidgePredictor::Figures::kinds);
          }},
    Entry{"linear", Sources::optional, true,
          [](const std::string& name, const HelpTraining&) -> std::unique_ptr<LatencyPredictor> {
            return std::make_unique<RidgePredictor>(name, RidgePredictor::Figures::all);
          }},
    Entry{"additive", Sources::optional, true,
          [](const std::string&, const HelpTraining& training) -> std::unique_ptr<LatencyPredictor> {
            return std::make_unique<AdditivePredictor>(training.threads);
          }}};

const Entry& entry(const std::string& name) {
  for (const Entry& known : kEntries) {
    if (name == known.name) return known;
  }
  throw ConfigError(fmt::format("predictor: got '{}', wanted one of {}", name, fmt::join(predictor_names(), ", ")));
}

}  // namespace

std::vector<std::string> predictor_names() {
  std::vector<std::string> names;
  for (const Entry& known : kEntries) names.emplace_back(known.name);
  return names;
}

Sources sources_of(const std::string& name) { return entry(name).sources; }

bool needs_work(const std::string& name) { return entry(name).work; }

std::unique_ptr<LatencyPredictor> make_predictor(const std::string& name, const HelpTraining& training) {
  return entry(name).make(name, training);
}

std::unique_ptr<LatencyPredictor> make_predictor(const std::string& name) { return make_predictor(name, {}); }

std::unique_ptr<LatencyPredictor> load_predictor(const std::string& space, const std::filesystem::path& checkpoint,
                                                 int threads) {
  const Checkpoint loaded = load_checkpoint(space, checkpoint);
  if (!space.starts_with(loaded.space)) {
    throw DataError(fmt::format("{}: space: got {}, wanted {}", checkpoint.string(), loaded.space, space));
  }
  const Encoding any = search_space(space).encode(search_space(space).references().front());
  const NamedMatrix& first = loaded.parameters.theta.front();  // released checkpoints do not say what they are for
  if (in_by_out(first).rows() != any.features || first.name.starts_with("gc") == any.adjacency.empty()) {
    throw DataError(fmt::format("{}: got {} of {} features, wanted {} of {}, as {} has", checkpoint.string(),
                                first.name, in_by_out(first).rows(),
                                any.adjacency.empty() ? "fc1.weight" : "gc1.weight", any.features, space));
  }
  return std::make_unique<HelpPredictor>(std::make_shared<const HelpParameters>(loaded.parameters), threads,
                                         design_of(loaded));
}

}  // namespace naslat
