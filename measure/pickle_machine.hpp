#pragma once

#include <fmt/format.h>

#include <bit>
#include <cstring>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "configs/errors.hpp"
#include "measure/pickle.hpp"

namespace naslat::pickle {

static_assert(std::endian::native == std::endian::little, "pickles and storages are read as they lie");

/// Bytes of everything built on the way and of the finished value, in which shared parts count as often as they occur.
inline constexpr std::size_t kMostBytes = 1U << 29;
inline constexpr int kDeepest = 64;
inline constexpr std::size_t kMemoEntryBytes = 64;

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
  std::int64_t count = 0;  // of elements
};
struct NumpyType {
  std::string code;  // "f8"
};
struct NumpyArray {};  // until its state is set

inline std::size_t extra_bytes(const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value.data)) return text->size();
  if (const auto* tensor = std::get_if<Tensor>(&value.data)) return tensor->data.size() * sizeof(double);
  return 0;
}
inline std::size_t extra_bytes(const Global& global) { return global.name.size(); }
inline std::size_t extra_bytes(const Bytes& bytes) { return bytes.data.size(); }
inline std::size_t extra_bytes(const Storage& storage) { return storage.type.size() + storage.key.size(); }
inline std::size_t extra_bytes(const NumpyType& type) { return type.code.size(); }
template <typename T>
inline std::size_t extra_bytes(const T&) {  // marks, lists and dicts, whose elements were counted when they were pushed
  return 0;
}

/// What the machine's stack and memo hold: values under construction, shared as Python shares them.
struct Object {
  std::variant<Value, std::vector<Ref>, std::vector<std::pair<Ref, Ref>>, Global, Mark, Bytes, Storage, NumpyType,
               NumpyArray>
      data;
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

  /// Called before memory is taken, so that a small file cannot make us take much.
  void spend(std::size_t bytes) {
    if (bytes > kMostBytes - spent_) fail(fmt::format("builds more than {} MiB", kMostBytes >> 20));
    spent_ += bytes;
  }
  void push(Ref object) {
    spend(sizeof(Ref));  // NOLINT(bugprone-sizeof-expression): the stack holds pointers
    stack_.push_back(object);
  }
  template <typename T>
  void push_new(T data) {
    spend(sizeof(Object) + extra_bytes(data));
    push(&objects_.emplace_back(Object{std::move(data)}));
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
  bool boolean_of(Object& object) {
    if (const auto* boolean = std::get_if<bool>(&as<Value>(object, "a boolean").data)) return *boolean;
    fail("wanted a boolean");
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
    spend(kMemoEntryBytes);
    memo_[index] = stack_.back();
  }

  void step(unsigned char opcode);
  void step_number_or_text(unsigned char opcode);
  void long_integer();
  void reduce();
  std::string latin1(const std::string& text);
  void build();
  Value tensor(const std::vector<Ref>& arguments);
  const std::string& bytes_of(const Storage& storage, std::size_t width);
  std::int64_t checked_count(const Tensor& tensor, std::int64_t offset, const std::vector<std::int64_t>& stride,
                             std::int64_t available);
  Value numpy_scalar(const std::vector<Ref>& arguments);
  Value numpy_array(const std::vector<Ref>& state);
  void persistent_id();
  Value finish(Object& object, int depth);

  std::string_view bytes_;
  std::string subject_;
  const Files* storages_;
  std::string prefix_;  // of the archive's entries, "archive/"
  std::size_t at_ = 0, spent_ = 0;
  std::deque<Object> objects_;
  std::vector<Ref> stack_;
  std::map<std::uint32_t, Ref> memo_;
};

}  // namespace naslat::pickle
