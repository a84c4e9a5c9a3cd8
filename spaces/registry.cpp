#include <fmt/format.h>

#include <algorithm>

#include "configs/errors.hpp"
#include "spaces/fbnet.hpp"
#include "spaces/hat.hpp"
#include "spaces/mobilenetv3.hpp"
#include "spaces/nasbench201.hpp"
#include "spaces/search_space.hpp"
#include "spaces/zoo.hpp"

namespace naslat {

const std::vector<std::unique_ptr<SearchSpace>>& search_spaces() {
  static const std::vector<std::unique_ptr<SearchSpace>> spaces = [] {
    std::vector<std::unique_ptr<SearchSpace>> list;
    list.push_back(make_nasbench201("nasbench201", {.classes = 10, .resolution = 32}));
    list.push_back(make_nasbench201("nasbench201-cifar100", {.classes = 100, .resolution = 32}));
    list.push_back(make_nasbench201("nasbench201-imagenet16", {.classes = 120, .resolution = 16}));
    list.push_back(make_fbnet("fbnet", kFbnetCifar));
    list.push_back(make_fbnet("fbnet-imagenet", kFbnetImagenet));
    list.push_back(make_mobilenetv3("mobilenetv3", 1.2));
    list.push_back(make_mobilenetv3("mobilenetv3-w1.0", 1.0));
    list.push_back(make_hat("hat", kHatWmt14EnDe));
    list.push_back(make_hat("hat-dataset", kHatWmt14EnDeDataset));
    list.push_back(make_zoo());
    return list;
  }();
  return spaces;
}

const SearchSpace& search_space(std::string_view name) {
  std::string known;
  for (const auto& space : search_spaces()) {
    if (space->name() == name) return *space;
    known += (known.empty() ? "" : ", ") + space->name();
  }
  throw ConfigError(fmt::format("space: got '{}', wanted one of {}", name, known));
}

bool is_search_space(std::string_view name) {
  return std::ranges::any_of(search_spaces(), [&](const auto& space) { return space->name() == name; });
}

}  // namespace naslat
