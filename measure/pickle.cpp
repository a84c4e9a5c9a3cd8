#include "measure/pickle.hpp"

#include <fmt/format.h>

#include <bit>
#include <cstring>
#include <deque>
#include <map>

#include "configs/errors.hpp"
#include "measure/zip_archive.hpp"

namespace naslat::pickle {

namespace {

static_assert(std::endian::native == std::endian::little, "pickles and storages are read as they lie");

constexpr std::size_t kMostValues =
    50'000'000;  // of the finished value: shared parts of a pickle count as often as they occur
constexpr int kDeepest = 64;

struct Object;
using Ref = Object*;  // into Machine::objects_, so that loops in hostile files are freed too

/// A name that may be called or referred to; nothing is looked up or run.
struct Global {
  std::string name;  // "module attribute"
};
struct Mark {};
struct Bytes {
  std::string data;
};
struct Storage {
  std::string type, key;
  std::int64_t count = 0;
};
struct NumpyType {
  std::string code;  // "f8"
};

/// What the machine's stack and memo hold: values under construction, shared as Python shares them.
struct Object {
  std::variant<Value, std::vector<Ref>, std::vector<std::pair<Ref, Ref>>, Global, Mark, Bytes, Storage, NumpyType> data;
};

using Files = std::map<std::string, std::string>;

/// The pickle machine, reduced to opcodes that build plain data.
class Machine {
 public:
  Machine(std::string_view bytes, std::string subject, const Files* storages, std::string prefix)
      : bytes_(bytes), subject_(std::move(subject)), storages_(storages), prefix_(std::move(prefix)) {}

  Value run() {
    while (true) {
      const auto opcode = static_cast<unsigned char>(take(1)[0]);
      if (opcode == '.') break;
      step(opcode);
    }
    return finish(*pop(), 0);
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw DataError(fmt::format("{}: pickle byte {}: {}", subject_, at_, what));
  }

  std::string_view take(std::size_t count) {
    if (count > bytes_.size() - at_)
      fail(fmt::format("ends early: {} bytes left, wanted {}", bytes_.size() - at_, count));
    const std::string_view taken = bytes_.substr(at_, count);
    at_ += count;
    return taken;
  }
  template <typename T>
  T number() {
    T value;
    std::memcpy(&value, take(sizeof(T)).data(), sizeof(T));
    return value;
  }
  std::string line() {
    const std::size_t end = bytes_.find('\n', at_);
    if (end == std::string_view::npos) fail("ends early: name without an end");
    const std::string text(take(end - at_));
    take(1);
    return text;
  }

  void push(Ref object) { stack_.push_back(object); }
  template <typename T>
  void push_new(T data) {
    stack_.push_back(&objects_.emplace_back(Object{std::move(data)}));
  }
  template <typename T>
  void push_value(T value) {
    push_new(Value{std::move(value)});
  }
  Ref pop() {
    if (stack_.empty()) fail("takes from an empty stack");
    const Ref top = stack_.back();
    stack_.pop_back();
    return top;
  }
  Object& top() {
    if (stack_.empty()) fail("takes from an empty stack");
    return *stack_.back();
  }
  std::vector<Ref> pop_to_mark() {
    std::vector<Ref> items;
    for (std::size_t i = stack_.size(); i-- > 0;) {
      if (!std::holds_alternative<Mark>(stack_[i]->data)) continue;
      items.assign(stack_.begin() + static_cast<std::ptrdiff_t>(i) + 1, stack_.end());
      stack_.resize(i);
      return items;
    }
    fail("no mark on the stack");
  }
  template <typename T>
  T& as(Object& object, const char* wanted) {
    if (auto* data = std::get_if<T>(&object.data)) return *data;
    fail(fmt::format("wanted {}", wanted));
  }
  const std::string& text_of(Object& object) {
    if (const auto* text = std::get_if<std::string>(&as<Value>(object, "a text").data)) return *text;
    fail("wanted a text");
  }
  std::int64_t integer_of(Object& object) {
    if (const auto* integer = std::get_if<std::int64_t>(&as<Value>(object, "an integer").data)) return *integer;
    fail("wanted an integer");
  }
  void tuple(std::size_t count) {
    if (count > stack_.size()) fail("takes from an empty stack");
    std::vector<Ref> items(stack_.end() - static_cast<std::ptrdiff_t>(count), stack_.end());
    stack_.resize(stack_.size() - count);
    push_new(std::move(items));
  }
  void set_items(const std::vector<Ref>& items) {
    if (items.size() % 2 != 0) fail("key without a value");
    auto& dict = as<std::vector<std::pair<Ref, Ref>>>(top(), "a dict");
    for (std::size_t i = 0; i < items.size(); i += 2) dict.emplace_back(items[i], items[i + 1]);
  }
  void append_items(const std::vector<Ref>& items) {
    auto& list = as<std::vector<Ref>>(top(), "a list");
    list.insert(list.end(), items.begin(), items.end());
  }
  void recall(std::uint32_t index) {
    const auto found = memo_.find(index);
    if (found == memo_.end()) fail(fmt::format("memo {} was never written", index));
    push(found->second);
  }
  void memoize(std::uint32_t index) {
    top();
    memo_[index] = stack_.back();
  }

  void step(unsigned char opcode);
  void step_number_or_text(unsigned char opcode);
  void long_integer();
  void reduce();
  void build();
  Value tensor(const std::vector<Ref>& arguments);
  Value numpy_scalar(const std::vector<Ref>& arguments);
  void persistent_id();
  Value finish(Object& object, int depth);
  void count_value() {
    if (++finished_ > kMostValues) fail(fmt::format("holds more than {} values", kMostValues));
  }

  std::string_view bytes_;
  std::string subject_;
  const Files* storages_;
  std::string prefix_;  // of the archive's entries, "archive/"
  std::size_t at_ = 0, finished_ = 0;
  std::deque<Object> objects_;
  std::vector<Ref> stack_;
  std::map<std::uint32_t, Ref> memo_;
};

void Machine::step(unsigned char opcode) {
  switch (opcode) {
    case 0x80:  // PROTO
      if (const auto protocol = number<std::uint8_t>(); protocol < 2 || protocol > 5) {
        fail(fmt::format("protocol {}, wanted 2 to 5", protocol));
      }
      return;
    case 0x95:  // FRAME
      take(8);
      return;
    case '(':
      return push_new(Mark{});
    case '}':
      return push_new(std::vector<std::pair<Ref, Ref>>{});
    case ']':
    case ')':
      return push_new(std::vector<Ref>{});
    case 't':
      return push_new(pop_to_mark());
    case 0x85:
    case 0x86:
    case 0x87:
      return tuple(opcode - 0x84U);
    case 'a':
      return append_items({pop()});
    case 'e':
      return append_items(pop_to_mark());
    case 's': {
      const Ref value = pop(), key = pop();
      return set_items({key, value});
    }
    case 'u':
      return set_items(pop_to_mark());
    case 'q':
      return memoize(number<std::uint8_t>());
    case 'r':
      return memoize(number<std::uint32_t>());
    case 0x94:  // MEMOIZE
      return memoize(static_cast<std::uint32_t>(memo_.size()));
    case 'h':
      return recall(number<std::uint8_t>());
    case 'j':
      return recall(number<std::uint32_t>());
    case 'c': {
      const std::string module = line();
      return push_new(Global{module + " " + line()});
    }
    case 0x93: {  // STACK_GLOBAL
      const Ref name = pop(), module = pop();
      return push_new(Global{text_of(*module) + " " + text_of(*name)});
    }
    case 'R':
      return reduce();
    case 'Q':
      return persistent_id();
    case 'b':
      return build();
    default:
      return step_number_or_text(opcode);
  }
}

void Machine::step_number_or_text(unsigned char opcode) {
  switch (opcode) {
    case 'N':
      return push_value(std::monostate{});
    case 0x88:
      return push_value(true);
    case 0x89:
      return push_value(false);
    case 'J':
      return push_value(std::int64_t{number<std::int32_t>()});
    case 'K':
      return push_value(std::int64_t{number<std::uint8_t>()});
    case 'M':
      return push_value(std::int64_t{number<std::uint16_t>()});
    case 0x8a:
      return long_integer();
    case 'G': {
      const std::uint64_t big_endian = number<std::uint64_t>();
      return push_value(std::bit_cast<double>(__builtin_bswap64(big_endian)));
    }
    case 'X':
      return push_value(std::string(take(number<std::uint32_t>())));
    case 0x8c:
      return push_value(std::string(take(number<std::uint8_t>())));
    case 0x8d:
      return push_value(std::string(take(number<std::uint64_t>())));
    case 'B':
      return push_new(Bytes{std::string(take(number<std::uint32_t>()))});
    case 'C':
      return push_new(Bytes{std::string(take(number<std::uint8_t>()))});
    default:
      fail(fmt::format("opcode 0x{:02x} is not plain data", opcode));
  }
}

/// Little-endian two's complement of up to 8 bytes.
void Machine::long_integer() {
  const std::size_t count = number<std::uint8_t>();
  if (count > 8) fail(fmt::format("integer of {} bytes, wanted at most 8", count));
  const std::string_view bytes = take(count);
  std::uint64_t value = count > 0 && (bytes.back() & 0x80) ? ~std::uint64_t{0} : 0;
  for (std::size_t i = count; i-- > 0;) value = (value << 8) | static_cast<unsigned char>(bytes[i]);
  push_value(static_cast<std::int64_t>(value));
}

/// Calls that only build plain data are carried out here, by us; any other is an error.
void Machine::reduce() {
  const Ref arguments_object = pop(), callable = pop();
  const std::string name = as<Global>(*callable, "a known name to call").name;
  const auto arguments = as<std::vector<Ref>>(*arguments_object, "a tuple of arguments");
  if (name == "collections OrderedDict" && arguments.empty()) return push_new(std::vector<std::pair<Ref, Ref>>{});
  if (name == "torch._utils _rebuild_tensor_v2") return push_value(tensor(arguments).data);
  if (name == "torch._utils _rebuild_parameter" && !arguments.empty()) return push(arguments[0]);
  if (name == "numpy dtype" && !arguments.empty()) return push_new(NumpyType{text_of(*arguments[0])});
  if (name == "_codecs encode" && arguments.size() == 2 && text_of(*arguments[1]) == "latin1") {
    std::string bytes;  // code points 0..255, in UTF-8
    const std::string& text = text_of(*arguments[0]);
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
    return push_new(Bytes{std::move(bytes)});
  }
  if (name == "numpy.core.multiarray scalar" || name == "numpy._core.multiarray scalar") {
    return push_value(numpy_scalar(arguments).data);
  }
  fail(fmt::format("call of '{}' is not plain data", name.substr(0, 80)));
}

/// State set on ordered dicts (PyTorch's version metadata) and numpy types tells nothing we need.
void Machine::build() {
  pop();
  if (std::holds_alternative<std::vector<std::pair<Ref, Ref>>>(top().data) ||
      std::holds_alternative<NumpyType>(top().data)) {
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

template <typename T>
std::vector<double> gather(const std::string& bytes, const Tensor& tensor, std::int64_t offset,
                           const std::vector<std::int64_t>& stride) {
  std::vector<double> values;
  std::vector<std::int64_t> index(tensor.shape.size(), 0);
  std::int64_t count = 1;
  for (const std::int64_t extent : tensor.shape) count *= extent;
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

/// (storage, offset, shape, stride, …): every element is checked to lie in the storage before anything is read.
Value Machine::tensor(const std::vector<Ref>& arguments) {
  if (arguments.size() < 4) fail("tensor without storage, offset, shape and stride");
  const Storage& storage = as<Storage>(*arguments[0], "a storage");
  const std::int64_t offset = integer_of(*arguments[1]);
  Tensor result;
  std::vector<std::int64_t> stride;
  for (const Ref& extent : as<std::vector<Ref>>(*arguments[2], "a shape")) result.shape.push_back(integer_of(*extent));
  for (const Ref& step : as<std::vector<Ref>>(*arguments[3], "strides")) stride.push_back(integer_of(*step));
  if (stride.size() != result.shape.size() || result.shape.size() > 8)
    fail("tensor whose strides do not fit its shape");

  const auto file = storages_ ? storages_->find(prefix_ + "data/" + storage.key) : Files::const_iterator{};
  if (!storages_ || file == storages_->end()) fail(fmt::format("tensor storage '{}' is not in the file", storage.key));
  const std::size_t width = storage.type == "torch FloatStorage" || storage.type == "torch IntStorage" ? 4 : 8;
  const auto available = static_cast<std::int64_t>(file->second.size() / width);
  std::int64_t last = offset, count = 1;
  for (std::size_t d = 0; d < stride.size(); ++d) {
    if (result.shape[d] < 0 || result.shape[d] > available || stride[d] < 0 || stride[d] > available) {
      fail("tensor beyond its storage");
    }
    last += (result.shape[d] - 1) * stride[d];
    count *= result.shape[d];
    if (count > available || last >= available) fail("tensor beyond its storage");
  }
  if (offset < 0 || offset > available || (count > 0 && (last >= available || last < 0)))
    fail("tensor beyond its storage");

  if (storage.type == "torch FloatStorage") {
    result.data = gather<float>(file->second, result, offset, stride);
  } else if (storage.type == "torch DoubleStorage") {
    result.data = gather<double>(file->second, result, offset, stride);
  } else if (storage.type == "torch LongStorage") {
    result.data = gather<std::int64_t>(file->second, result, offset, stride);
  } else if (storage.type == "torch IntStorage") {
    result.data = gather<std::int32_t>(file->second, result, offset, stride);
  } else {
    fail(fmt::format("storage type '{}', wanted float, double, long or int", storage.type.substr(0, 40)));
  }
  return {std::move(result)};
}

/// The plain value of what was built. Sharing is undone, within limits, so that loops and bombs end here.
Value Machine::finish(Object& object, int depth) {
  if (depth > kDeepest) fail(fmt::format("nested deeper than {}", kDeepest));
  count_value();
  if (auto* value = std::get_if<Value>(&object.data)) {
    if (const auto* tensor_value = std::get_if<Tensor>(&value->data)) finished_ += tensor_value->data.size();
    return *value;
  }
  if (const auto* items = std::get_if<std::vector<Ref>>(&object.data)) {
    List list;
    for (const Ref& item : *items) list.push_back(finish(*item, depth + 1));
    return {std::move(list)};
  }
  if (const auto* pairs = std::get_if<std::vector<std::pair<Ref, Ref>>>(&object.data)) {
    Dict dict;
    for (const auto& [key, item] : *pairs) {
      Value plain_key = finish(*key, depth + 1);
      dict.emplace_back(std::move(plain_key), finish(*item, depth + 1));
    }
    return {std::move(dict)};
  }
  fail("holds something that is not plain data");
}

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
