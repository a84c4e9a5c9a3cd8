#include <fmt/format.h>

#include <memory>
#include <vector>

#include "configs/errors.hpp"
#include "measure/backend.hpp"
#if defined(NASLAT_WITH_CUDNN)
#include "measure/backends/cudnn/cudnn.hpp"
#endif
#include "measure/backends/onednn/onednn.hpp"
#include "measure/backends/reference/reference.hpp"
#include "measure/backends/simulated/simulated.hpp"

namespace naslat {

namespace {

/// One line per backend.
const std::vector<std::unique_ptr<Backend>>& backends() {
  static const std::vector<std::unique_ptr<Backend>> list = [] {
    std::vector<std::unique_ptr<Backend>> all;
    all.push_back(make_onednn_backend());
#if defined(NASLAT_WITH_CUDNN)
    all.push_back(make_cudnn_backend());
#endif
    all.push_back(make_reference_backend());
    all.push_back(make_simulated_backend());
    return all;
  }();
  return list;
}

}  // namespace

std::vector<std::string> backend_names() {
  std::vector<std::string> names;
  for (const auto& backend : backends()) names.push_back(backend->name());
  return names;
}

Backend& backend(const std::string& name) {
  for (const auto& known : backends()) {
    if (known->name() == name) return *known;
  }
  throw ConfigError(fmt::format("backend: got '{}', wanted one of {}", name, fmt::join(backend_names(), ", ")));
}

}  // namespace naslat
