#include <bit>
#include <cstdint>

#include "measure/pickle_machine.hpp"

namespace naslat::pickle {

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

/// The plain value of what was built. Sharing is undone, within limits, so that loops and bombs end here.
Value Machine::finish(Object& object, int depth) {
  if (depth > kDeepest) fail(fmt::format("nested deeper than {}", kDeepest));
  spend(sizeof(Value));
  if (const auto* value = std::get_if<Value>(&object.data)) {
    spend(extra_bytes(*value));
    return *value;
  }
  if (const auto* items = std::get_if<std::vector<Ref>>(&object.data)) {
    List list;
    for (const Ref& item : *items) list.push_back(finish(*item, depth + 1));
    return {std::move(list)};
  }
  if (const auto* pairs = std::get_if<std::vector<std::pair<Ref, Ref>>>(&object.data)) {
    Dict dict;
    for (const auto& [key, item] : *pairs) dict.push_back({finish(*key, depth + 1), finish(*item, depth + 1)});
    return {std::move(dict)};
  }
  if (const auto* global = std::get_if<Global>(&object.data))
    fail(fmt::format("global '{}' is not plain data", global->name.substr(0, 80)));
  fail("holds something that is not plain data");
}

}  // namespace naslat::pickle
