#pragma once

#include <algorithm>
#include <cstddef>
#include <list>
#include <memory>
#include <utility>

namespace naslat::cudnn {

/// Shared values by key. Where an insertion makes them larger than a limit together, those that nobody else holds are
/// dropped, the least recently used first: what is kept is at most the limit, or what is in use. A value of size 0
/// stays.
template <typename Key, typename Value>
class BoundedCache {
 public:
  explicit BoundedCache(std::size_t limit) : limit_(limit) {}

  /// Null where there is none.
  [[nodiscard]] std::shared_ptr<const Value> find(const Key& key) {
    const auto entry = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& e) { return e.key == key; });
    if (entry == entries_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, entry);
    return entry->value;
  }

  /// @param size  in the unit of the limit
  std::shared_ptr<const Value> insert(Key key, Value value, std::size_t size) {
    entries_.push_front({std::move(key), std::make_shared<const Value>(std::move(value)), size});
    size_ += size;
    const std::shared_ptr<const Value> inserted = entries_.front().value;
    for (auto entry = entries_.end(); size_ > limit_ && entry != entries_.begin();) {
      if ((--entry)->size == 0 || entry->value.use_count() > 1) continue;
      size_ -= entry->size;
      entry = entries_.erase(entry);
    }
    return inserted;
  }

  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  struct Entry {
    Key key;
    std::shared_ptr<const Value> value;
    std::size_t size;
  };
  std::size_t limit_, size_ = 0;
  std::list<Entry> entries_;  // most recently used first
};

}  // namespace naslat::cudnn
