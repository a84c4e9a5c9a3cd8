#include "measure/device_state.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace naslat {

namespace {

struct ClockEvent {
  std::uint64_t bit;
  const char* name;
  bool throttles;
};
/// NVML's nvmlClocksEventReasons.
constexpr ClockEvent kClockEvents[] = {
    {0x1, "idle", false},       {0x2, "application clocks", false}, {0x4, "power cap", true},
    {0x8, "hw slowdown", true}, {0x10, "sync boost", false},        {0x20, "sw thermal", true},
    {0x40, "hw thermal", true}, {0x80, "power brake", true},        {0x100, "display", false}};

bool throttles(const std::string& name) {
  return std::any_of(std::begin(kClockEvents), std::end(kClockEvents),
                     [&](const ClockEvent& event) { return event.throttles && name == event.name; });
}

void unite(std::optional<std::vector<std::string>>& events, const std::optional<std::vector<std::string>>& more) {
  if (!more) return;
  if (!events) events.emplace();
  for (const std::string& event : *more) {
    if (std::find(events->begin(), events->end(), event) == events->end()) events->push_back(event);
  }
}

}  // namespace

DeviceStates& DeviceStates::operator+=(const DeviceStates& later) {
  if (empty()) return *this = later;
  const auto earlier_events = std::move(after.clock_events);
  after = later.after;
  unite(after.clock_events, later.before.clock_events);
  unite(after.clock_events, earlier_events);
  return *this;
}

std::vector<std::string> clock_event_names(std::uint64_t bits) {
  std::vector<std::string> names;
  for (const ClockEvent& event : kClockEvents) {
    if ((bits & event.bit) != 0) names.emplace_back(event.name);
    bits &= ~event.bit;
  }
  if (bits != 0) names.push_back(fmt::format("{:#x}", bits));
  return names;
}

bool throttled(const DeviceStates& states) {
  for (const DeviceState* const state : {&states.before, &states.after}) {
    if (state->clock_events && std::any_of(state->clock_events->begin(), state->clock_events->end(), throttles)) {
      return true;
    }
  }
  return false;
}

}  // namespace naslat
