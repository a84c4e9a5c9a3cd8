#include <fmt/format.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>
#include <string_view>

#include "configs/errors.hpp"
#include "measure/sweep.hpp"

namespace naslat {

namespace {

std::uint64_t number(std::string_view digits, std::string_view text, std::string_view wanted) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size()) {
    throw ConfigError(fmt::format("archs: got '{}', wanted {}", text, wanted));
  }
  return value;
}

using Architectures = std::vector<Architecture>;

std::uint64_t size_of(const SearchSpace& space, std::string_view text) {
  const auto size = space.size();
  if (!size) throw ConfigError(fmt::format("archs: got '{}', but space '{}' is not enumerable", text, space.name()));
  return *size;
}

/// "N" or "N@SEED": different architectures, whatever the space's size.
void add_random(const SearchSpace& space, std::string_view text, std::string_view rest, Architectures& out) {
  constexpr std::string_view kWanted = "random:N or random:N@SEED";
  const auto at = rest.find('@');
  const std::uint64_t count = number(rest.substr(0, at), text, kWanted);
  Rng rng(at == std::string_view::npos ? 0 : number(rest.substr(at + 1), text, kWanted));
  if (const auto size = space.size()) {
    if (count > *size) {
      throw ConfigError(fmt::format("archs: got '{}', space '{}' has {} architectures", text, space.name(), *size));
    }
    for (const std::uint64_t index : rng.distinct(count, *size)) out.push_back(space.at(index));
    return;
  }
  if (count > 10'000'000) throw ConfigError(fmt::format("archs: got '{}', wanted at most 10000000", text));
  std::set<Architecture> seen;
  while (seen.size() < count) {
    Architecture drawn = space.canonical(sample(space, rng));
    if (seen.insert(drawn).second) out.push_back(std::move(drawn));
  }
}

void add_range(const SearchSpace& space, std::string_view text, std::string_view rest, Architectures& out) {
  constexpr std::string_view kWanted = "range:A-B with A <= B";
  const auto dash = rest.find('-');
  if (dash == std::string_view::npos) throw ConfigError(fmt::format("archs: got '{}', wanted {}", text, kWanted));
  const std::uint64_t first = number(rest.substr(0, dash), text, kWanted);
  const std::uint64_t last = number(rest.substr(dash + 1), text, kWanted), size = size_of(space, text);
  if (first > last || last >= size) {
    throw ConfigError(fmt::format("archs: got '{}', wanted {} within 0..{}", text, kWanted, size - 1));
  }
  for (std::uint64_t index = first; index <= last; ++index) out.push_back(space.at(index));
}

void add_file(const SearchSpace& space, const std::string& path, Architectures& out) {
  if (std::filesystem::is_directory(path))
    throw ConfigError(fmt::format("archs: {}: is a folder, wanted a file", path));
  std::ifstream file(path);
  if (!file) throw ConfigError(fmt::format("archs: {}: cannot be read: {}", path, std::strerror(errno)));
  std::size_t line_number = 0;
  for (std::string line; std::getline(file, line);) {
    ++line_number;
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
    if (line.empty() || line.front() == '#') continue;
    try {
      out.push_back(space.parse(line));
    } catch (const ConfigError& error) {
      throw ConfigError(fmt::format("{}:{}: {}", path, line_number, error.what()));
    }
  }
}

/// "" or ":N".
void add_probes(const SearchSpace& space, std::string_view text, std::string_view rest, ChooseNext choose,
                Architectures& out) {
  constexpr std::uint64_t kUsual = 20;
  if (!choose) throw ConfigError(fmt::format("archs: got '{}', but nothing here designs probes", text));
  const std::uint64_t count = rest.empty() ? kUsual : number(rest.substr(1), text, "probe or probe:N");
  for (Architecture& probe : choose(space, {}, count)) out.push_back(std::move(probe));
}

void add(const SearchSpace& space, const std::string& text, ChooseNext choose, Architectures& out) {
  const std::string_view view = text;
  if (text == "reference") {
    for (Architecture& reference : space.references()) out.push_back(std::move(reference));
  } else if (text == "all") {
    const std::uint64_t size = size_of(space, text);
    for (std::uint64_t index = 0; index < size; ++index) out.push_back(space.at(index));
  } else if (view.starts_with("random:")) {
    add_random(space, view, view.substr(7), out);
  } else if (view.starts_with("range:")) {
    add_range(space, view, view.substr(6), out);
  } else if (view.starts_with("file:")) {
    add_file(space, text.substr(5), out);
  } else if (text == "probe" || view.starts_with("probe:")) {
    add_probes(space, view, view.substr(5), choose, out);
  } else {
    out.push_back(space.parse(text));
  }
}

}  // namespace

std::vector<Architecture> select_architectures(const SearchSpace& space, const std::vector<std::string>& texts,
                                               ChooseNext choose) {
  Architectures all, chosen;
  for (const std::string& text : texts) add(space, text, choose, all);
  std::set<Architecture> seen;
  for (Architecture& architecture : all) {
    if (seen.insert(architecture).second) chosen.push_back(std::move(architecture));
  }
  if (chosen.empty()) {
    throw ConfigError(fmt::format("archs: got none in '{}', wanted at least one architecture", fmt::join(texts, " ")));
  }
  return chosen;
}

}  // namespace naslat
