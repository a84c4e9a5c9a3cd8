#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace naslat::pickle {

struct Value;
struct Entry;
using List = std::vector<Value>;  // lists and tuples
using Dict = std::vector<Entry>;  // in file order; OrderedDict too
struct Tensor {
  std::vector<std::int64_t> shape;
  std::vector<double> data;  ///< row-major
};

/// What the plain subset of Python's pickle can hold.
struct Value {
  std::variant<std::monostate, bool, std::int64_t, double, std::string, List, Dict, Tensor> data;

  /// @throws DataError naming `what`, got and wanted
  [[nodiscard]] const List& list(std::string_view what) const;
  [[nodiscard]] const Dict& dict(std::string_view what) const;
  [[nodiscard]] const Tensor& tensor(std::string_view what) const;
  [[nodiscard]] const std::string& text(std::string_view what) const;
  [[nodiscard]] double number(std::string_view what) const;  ///< int or float
  [[nodiscard]] std::int64_t integer(std::string_view what) const;
  /// Entry of a dict by text key. @throws DataError if there is none
  [[nodiscard]] const Value& at(std::string_view key) const;
};

/// Of a dict. Not a std::pair: Clang takes none of a type that is still incomplete.
struct Entry {
  Value key, value;
};

/// Reads a PyTorch `.pt` file (zip archive with `data.pkl` and raw storages): plain lists, dicts, tuples, numbers,
/// texts and tensors. Nothing is ever executed: any other opcode or global is a DataError that names it.
[[nodiscard]] Value read_pytorch(const std::filesystem::path& path);
/// Reads a bare pickle, protocols 2 to 5 (numpy arrays 2 to 4): plain data, and numpy's numbers and arrays as tensors.
/// @throws DataError as read_pytorch() @param subject for messages
[[nodiscard]] Value read_pickle(std::string_view bytes, const std::string& subject);

}  // namespace naslat::pickle
