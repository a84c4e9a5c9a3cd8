#include <cstdint>
#include <cstring>

#include "measure/pickle_machine.hpp"

namespace naslat::pickle {

/// Code points 0 to 255 in UTF-8, as the bytes they stand for.
std::string Machine::latin1(const std::string& text) {
  spend(text.size());
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x80) {
      bytes += text[i];
    } else if ((byte == 0xc2 || byte == 0xc3) && i + 1 < text.size()) {
      bytes += static_cast<char>((byte << 6) | (text[++i] & 0x3f));
    } else {
      fail("text beyond latin1");
    }
  }
  return bytes;
}

/// Calls that only build plain data are carried out here, by us; any other is an error.
void Machine::reduce() {
  const Ref arguments_object = pop(), callable = pop();
  const std::string name = as<Global>(*callable, "a known name to call").name;
  const auto& arguments = as<std::vector<Ref>>(*arguments_object, "a tuple of arguments");
  if (name == "collections OrderedDict" && arguments.empty()) return push_new(std::vector<std::pair<Ref, Ref>>{});
  if (name == "torch._utils _rebuild_tensor_v2") return push_value(tensor(arguments).data);
  if (name == "torch._utils _rebuild_parameter" && !arguments.empty()) return push(arguments[0]);
  if (name == "numpy dtype" && !arguments.empty()) return push_new(NumpyType{text_of(*arguments[0])});
  if (name == "_codecs encode" && arguments.size() == 2 && text_of(*arguments[1]) == "latin1") {
    return push_new(Bytes{latin1(text_of(*arguments[0]))});
  }
  if (name == "numpy.core.multiarray scalar" || name == "numpy._core.multiarray scalar") {
    return push_value(numpy_scalar(arguments).data);
  }
  if ((name == "numpy.core.multiarray _reconstruct" || name == "numpy._core.multiarray _reconstruct") &&
      !arguments.empty() && as<Global>(*arguments[0], "a kind of array").name == "numpy ndarray") {
    return push_new(NumpyArray{});
  }
  fail(fmt::format("call of '{}' is not plain data", name.substr(0, 80)));
}

/// State set on ordered dicts (PyTorch's version metadata) tells nothing we need; that of numpy types, the byte order;
/// that of numpy arrays is all they hold.
void Machine::build() {
  const Ref state = pop();
  if (std::holds_alternative<std::vector<std::pair<Ref, Ref>>>(top().data)) return;
  if (std::holds_alternative<NumpyType>(top().data)) {
    const auto& facts = as<std::vector<Ref>>(*state, "the state of a numpy type");
    if (facts.size() < 2 || text_of(*facts[1]) != "<") fail("numpy type that is not little-endian");
    return;
  }
  if (std::holds_alternative<NumpyArray>(top().data)) {
    top().data = numpy_array(as<std::vector<Ref>>(*state, "the state of a numpy array"));
    return;
  }
  fail("opcode 0x62 (BUILD) on something that is not plain data");
}

void Machine::persistent_id() {
  const Ref id_object = pop();
  const auto& id = as<std::vector<Ref>>(*id_object, "a storage tuple");
  if (id.size() != 5 || text_of(*id[0]) != "storage") fail("persistent id that is not a tensor storage");
  push_new(Storage{as<Global>(*id[1], "a storage type").name, text_of(*id[2]), integer_of(*id[4])});
}

Value Machine::numpy_scalar(const std::vector<Ref>& arguments) {
  if (arguments.size() != 2) fail("numpy scalar without type and bytes");
  const std::string& code = as<NumpyType>(*arguments[0], "a numpy type").code;
  const std::string& bytes = as<Bytes>(*arguments[1], "the bytes of a number").data;
  const auto read = [&](auto value) {
    if (bytes.size() != sizeof value) fail(fmt::format("numpy {} of {} bytes", code, bytes.size()));
    std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  };
  if (code == "f8") return {read(double{})};
  if (code == "f4") return {static_cast<double>(read(float{}))};
  if (code == "i8") return {read(std::int64_t{})};
  if (code == "i4") return {std::int64_t{read(std::int32_t{})}};
  fail(fmt::format("numpy type '{}', wanted f8, f4, i8 or i4", code.substr(0, 20)));
}

namespace {

template <typename T>
std::vector<double> gather(const std::string& bytes, const Tensor& tensor, std::int64_t count, std::int64_t offset,
                           const std::vector<std::int64_t>& stride) {
  std::vector<double> values;
  std::vector<std::int64_t> index(tensor.shape.size(), 0);
  values.reserve(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) {
    std::int64_t position = offset;
    for (std::size_t d = 0; d < index.size(); ++d) position += index[d] * stride[d];
    T value;
    std::memcpy(&value, bytes.data() + static_cast<std::size_t>(position) * sizeof(T), sizeof(T));
    values.push_back(static_cast<double>(value));
    for (std::size_t d = index.size(); d-- > 0 && ++index[d] == tensor.shape[d];) index[d] = 0;
  }
  return values;
}

}  // namespace

/// (version, shape, type, whether the first index runs fastest, bytes): as many bytes as the shape says, or an error.
Value Machine::numpy_array(const std::vector<Ref>& state) {
  if (state.size() != 5) fail("numpy array without shape, type, order and bytes");
  const std::string& code = as<NumpyType>(*state[2], "a numpy type").code;
  const std::string& bytes = as<Bytes>(*state[4], "the bytes of an array").data;
  Tensor result;
  std::int64_t count = 1;
  for (const Ref& extent : as<std::vector<Ref>>(*state[1], "a shape")) {
    result.shape.push_back(integer_of(*extent));
    if (result.shape.back() < 0 || __builtin_mul_overflow(count, result.shape.back(), &count)) {
      fail("numpy array of no possible shape");
    }
  }
  if (boolean_of(*state[3]) && result.shape.size() > 1) fail("numpy array by columns, wanted by rows");

  const auto read = [&](auto element) {
    using T = decltype(element);
    if (bytes.size() % sizeof(T) != 0 || bytes.size() / sizeof(T) != static_cast<std::uint64_t>(count)) {
      fail(fmt::format("numpy array of {} bytes, wanted {} elements of {}", bytes.size(), count, sizeof(T)));
    }
    spend(static_cast<std::size_t>(count) * sizeof(double));
    result.data = gather<T>(bytes, Tensor{{count}, {}}, count, 0, {1});
  };
  if (code == "f8") {
    read(double{});
  } else if (code == "f4") {
    read(float{});
  } else if (code == "i8") {
    read(std::int64_t{});
  } else if (code == "i4") {
    read(std::int32_t{});
  } else {
    fail(fmt::format("numpy type '{}', wanted f8, f4, i8 or i4", code.substr(0, 20)));
  }
  return {std::move(result)};
}

/// The bytes of a storage. @throws DataError unless they are as many as it declares
const std::string& Machine::bytes_of(const Storage& storage, std::size_t width) {
  const auto file = storages_ ? storages_->find(prefix_ + "data/" + storage.key) : Files::const_iterator{};
  if (!storages_ || file == storages_->end())
    fail(fmt::format("tensor storage '{}' is not in the file", storage.key.substr(0, 80)));
  const std::string& bytes = file->second;
  if (storage.count < 0 || bytes.size() % width != 0 ||
      static_cast<std::uint64_t>(storage.count) != bytes.size() / width) {
    fail(fmt::format("tensor storage '{}' has {} bytes, wanted {} elements of {}", storage.key.substr(0, 80),
                     bytes.size(), storage.count, width));
  }
  return bytes;
}

/// Number of elements. @throws DataError unless every one lies in a storage of `available` elements
std::int64_t Machine::checked_count(const Tensor& tensor, std::int64_t offset, const std::vector<std::int64_t>& stride,
                                    std::int64_t available) {
  bool empty = false, inside = offset >= 0 && offset <= available;
  for (const std::int64_t extent : tensor.shape) {
    inside = inside && extent >= 0;
    empty = empty || extent == 0;
  }
  if (inside && empty) return 0;
  std::int64_t last = offset, count = 1;
  for (std::size_t d = 0; d < stride.size() && inside;
       ++d) {  // each step keeps both below 2^62: storages are in memory
    if (tensor.shape[d] == 1) continue;
    inside = tensor.shape[d] <= available && stride[d] >= 0 && stride[d] <= available;
    if (inside) last += (tensor.shape[d] - 1) * stride[d];
    if (inside) count *= tensor.shape[d];
    inside = inside && count <= available && last < available;
  }
  if (!inside || last >= available) fail("tensor beyond its storage");
  return count;
}

/// (storage, offset, shape, stride, …): every element is checked to lie in the storage before anything is read.
Value Machine::tensor(const std::vector<Ref>& arguments) {
  if (arguments.size() < 4) fail("tensor without storage, offset, shape and stride");
  const Storage& storage = as<Storage>(*arguments[0], "a storage");
  const std::int64_t offset = integer_of(*arguments[1]);
  const auto& extents = as<std::vector<Ref>>(*arguments[2], "a shape");
  const auto& steps = as<std::vector<Ref>>(*arguments[3], "strides");
  if (extents.size() != steps.size() || extents.size() > 8) fail("tensor whose strides do not fit its shape");
  Tensor result;
  std::vector<std::int64_t> stride;
  for (const Ref& extent : extents) result.shape.push_back(integer_of(*extent));
  for (const Ref& step : steps) stride.push_back(integer_of(*step));

  const auto read = [&](auto element) {
    using T = decltype(element);
    const std::string& bytes = bytes_of(storage, sizeof(T));
    const std::int64_t count = checked_count(result, offset, stride, storage.count);
    spend(static_cast<std::size_t>(count) * sizeof(double));
    result.data = gather<T>(bytes, result, count, offset, stride);
  };
  if (storage.type == "torch FloatStorage") {
    read(float{});
  } else if (storage.type == "torch DoubleStorage") {
    read(double{});
  } else if (storage.type == "torch LongStorage") {
    read(std::int64_t{});
  } else if (storage.type == "torch IntStorage") {
    read(std::int32_t{});
  } else {
    fail(fmt::format("storage type '{}', wanted float, double, long or int", storage.type.substr(0, 40)));
  }
  return {std::move(result)};
}

}  // namespace naslat::pickle
