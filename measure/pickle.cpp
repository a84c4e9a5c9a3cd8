#include "measure/pickle.hpp"

#include <fmt/format.h>

#include "configs/errors.hpp"
#include "measure/pickle_machine.hpp"
#include "measure/zip_archive.hpp"

namespace naslat::pickle {

namespace {

const char* kind_of(const Value& value) {
  constexpr const char* kNames[] = {"None",   "a boolean", "an integer", "a float",
                                    "a text", "a list",    "a dict",     "a tensor"};
  return kNames[value.data.index()];
}

template <typename T>
const T& get(const Value& value, std::string_view what, const char* wanted) {
  if (const auto* data = std::get_if<T>(&value.data)) return *data;
  throw DataError(fmt::format("{}: got {}, wanted {}", what, kind_of(value), wanted));
}

}  // namespace

const List& Value::list(std::string_view what) const { return get<List>(*this, what, "a list"); }
const Dict& Value::dict(std::string_view what) const { return get<Dict>(*this, what, "a dict"); }
const Tensor& Value::tensor(std::string_view what) const { return get<Tensor>(*this, what, "a tensor"); }
const std::string& Value::text(std::string_view what) const { return get<std::string>(*this, what, "a text"); }
std::int64_t Value::integer(std::string_view what) const { return get<std::int64_t>(*this, what, "an integer"); }
double Value::number(std::string_view what) const {
  if (const auto* integer_value = std::get_if<std::int64_t>(&data)) return static_cast<double>(*integer_value);
  return get<double>(*this, what, "a number");
}

const Value& Value::at(std::string_view key) const {
  for (const auto& [name, value] : dict(key)) {
    if (const auto* text_key = std::get_if<std::string>(&name.data); text_key && *text_key == key) return value;
  }
  throw DataError(fmt::format("'{}': no such entry in the dict", key));
}

Value read_pytorch(const std::filesystem::path& path) {
  const Files files = read_zip(path);
  constexpr std::string_view kPickle = "data.pkl";
  for (const auto& [name, data] : files) {
    if (!name.ends_with(kPickle)) continue;
    return Machine(data, path.string(), &files, name.substr(0, name.size() - kPickle.size())).run();
  }
  throw DataError(fmt::format("{}: no data.pkl in the archive, wanted a PyTorch file", path.string()));
}

Value read_pickle(std::string_view bytes, const std::string& subject) {
  return Machine(bytes, subject, nullptr, "").run();
}

}  // namespace naslat::pickle
