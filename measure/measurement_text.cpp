#include "measure/measurement_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>
#include <utility>

#include "configs/errors.hpp"
#include "configs/json.hpp"

namespace naslat {

namespace {

constexpr int kVersion = 1;

std::string one_line(const Json& json) { return json_line(json, Json::error_handler_t::replace); }

// ---- writing

Json to_json(const Device& device) {
  Json json = {{"backend", device.backend},      {"hardware", device.hardware},      {"isa", device.isa},
               {"threads", device.threads},      {"dtype", to_string(device.dtype)}, {"batch", device.batch},
               {"mode", to_string(device.mode)}, {"pinned", device.pinned}};
  if (device.cuda_graph) json["cuda_graph"] = true;
  if (device.autotune) json["autotune"] = true;
  return json;
}

Json to_json(const DeviceState& state) {
  Json json = Json::object();
  if (state.sm_clock_mhz) json["sm_clock_mhz"] = *state.sm_clock_mhz;
  if (state.memory_clock_mhz) json["memory_clock_mhz"] = *state.memory_clock_mhz;
  if (state.temperature_c) json["temperature_c"] = *state.temperature_c;
  if (state.power_w) json["power_w"] = *state.power_w;
  if (state.clock_events) json["clock_events"] = *state.clock_events;
  return json;
}

Json to_json(const Protocol& protocol) {
  return {{"warmup_runs", protocol.warmup_runs},
          {"discarded_runs", protocol.discarded_runs},
          {"timed_runs", protocol.timed_runs},
          {"trim_fraction", protocol.trim_fraction},
          {"visits", protocol.visits},
          {"visit_discarded_runs", protocol.visit_discarded_runs},
          {"anchor", protocol.anchor}};
}

Json to_json(const ExecutableInfo& info) {
  return {{"kernels", info.kernels},           {"primitives", info.primitives},
          {"reorders", info.reorders},         {"arena_bytes", info.arena_bytes},
          {"weight_bytes", info.weight_bytes}, {"scratchpad_bytes", info.scratchpad_bytes},
          {"build_s", info.build_s},           {"notes", info.notes}};
}

Json to_json(const Disturbance& disturbance) {
  return {{"involuntary_switches", disturbance.involuntary_switches},
          {"major_faults", disturbance.major_faults},
          {"steal_s", disturbance.steal_s},
          {"throttled_s", disturbance.throttled_s}};
}

Json to_json(const std::vector<BlockLatency>& blocks) {
  Json list = Json::array();
  for (const auto& [block, latency_s] : blocks) {
    list.push_back({{"kind", block.kind},
                    {"input", block.input.dims},
                    {"output", block.output.dims},
                    {"layers", block.layers},
                    {"latency_s", latency_s}});
  }
  return list;
}

// ---- reading

/// An object whose members are taken one by one; what is left at the end is unknown, and an error.
class Fields {
 public:
  Fields(const Json& object, std::string subject) : object_(object), subject_(std::move(subject)) {
    if (!object.is_object()) fail("", object, "an object");
  }

  [[nodiscard]] const Json* find(const std::string& name) {
    taken_.insert(name);
    const auto found = object_.find(name);
    return found == object_.end() ? nullptr : &*found;
  }
  [[nodiscard]] const Json& at(const std::string& name) {
    const Json* found = find(name);
    if (!found) throw DataError(fmt::format("{}: {}: missing", subject_, name));
    return *found;
  }
  [[nodiscard]] std::string text(const std::string& name) { return text(name, at(name)); }
  [[nodiscard]] std::string text(const std::string& name, const Json& value) const {
    if (!value.is_string()) fail(name, value, "a text");
    return value.get<std::string>();
  }
  [[nodiscard]] bool truth(const std::string& name) {
    const Json& value = at(name);
    if (!value.is_boolean()) fail(name, value, "true or false");
    return value.get<bool>();
  }
  template <typename Integer>
  [[nodiscard]] Integer integer(const std::string& name, std::int64_t least, std::int64_t most) {
    const Json& value = at(name);
    const bool too_large = value.is_number_unsigned() && value.get<std::uint64_t>() > static_cast<std::uint64_t>(most);
    if (!value.is_number_integer() || too_large || value.get<std::int64_t>() < least) {
      fail(name, value, fmt::format("an integer in {}..{}", least, most));
    }
    return static_cast<Integer>(value.get<std::int64_t>());
  }
  [[nodiscard]] double number(const std::string& name) {
    const Json& value = at(name);
    if (!value.is_number() || value.get<double>() < 0) fail(name, value, "a number, at least 0");
    return value.get<double>();
  }
  [[nodiscard]] std::optional<double> optional_number(const std::string& name) {
    return find(name) ? std::optional(number(name)) : std::nullopt;
  }
  [[nodiscard]] bool optional_truth(const std::string& name) { return find(name) != nullptr && truth(name); }
  [[nodiscard]] std::vector<double> seconds(const std::string& name) {
    const Json& list = at(name);
    if (!list.is_array()) fail(name, list, "a list of seconds");
    std::vector<double> values;
    for (const Json& value : list) {
      if (!value.is_number() || value.get<double>() < 0) fail(name, value, "seconds, at least 0");
      values.push_back(value.get<double>());
    }
    return values;
  }
  [[nodiscard]] std::vector<std::string> texts(const std::string& name) {
    const Json& list = at(name);
    if (!list.is_array()) fail(name, list, "a list of texts");
    std::vector<std::string> values;
    for (const Json& value : list) values.push_back(text(name, value));
    return values;
  }
  template <typename Parse>
  [[nodiscard]] auto parsed(const std::string& name, Parse parse) {
    try {
      return parse(text(name));
    } catch (const ConfigError& error) {
      throw DataError(fmt::format("{}: {}", subject_, error.what()));
    }
  }
  [[nodiscard]] Fields object(const std::string& name) { return Fields(at(name), subject_ + ": " + name); }

  void no_more() const {
    for (const auto& item : object_.items()) {
      if (!taken_.contains(item.key())) throw DataError(fmt::format("{}: {}: unknown field", subject_, item.key()));
    }
  }
  [[noreturn]] void fail(const std::string& name, const Json& got, const std::string& wanted) const {
    std::string text = one_line(got);
    if (text.size() > 60) text = text.substr(0, 57) + "...";
    throw DataError(fmt::format("{}: {}{}got {}, wanted {}", subject_, name, name.empty() ? "" : ": ", text, wanted));
  }

 private:
  const Json& object_;
  std::string subject_;
  std::set<std::string> taken_;
};

constexpr std::int64_t kMost = 1'000'000'000'000'000;

Device read_device(Fields fields) {
  Device device;
  device.backend = fields.text("backend");
  device.hardware = fields.text("hardware");
  device.isa = fields.text("isa");
  device.threads = fields.integer<int>("threads", 0, 1'000'000);
  device.dtype = fields.parsed("dtype", parse_data_type);
  device.batch = fields.integer<std::int64_t>("batch", 1, kMost);
  device.mode = fields.parsed("mode", parse_graph_mode);
  device.pinned = fields.truth("pinned");
  device.cuda_graph = fields.optional_truth("cuda_graph");
  device.autotune = fields.optional_truth("autotune");
  fields.no_more();
  return device;
}

Protocol read_protocol(Fields fields, const std::string& subject) {
  Protocol protocol;
  constexpr std::int64_t most = 1'000'000;
  protocol.warmup_runs = fields.integer<int>("warmup_runs", 0, most);
  protocol.discarded_runs = fields.integer<int>("discarded_runs", 0, most);
  protocol.timed_runs = fields.integer<int>("timed_runs", 1, most);
  protocol.trim_fraction = fields.number("trim_fraction");
  protocol.visits = fields.integer<int>("visits", 1, most);
  protocol.visit_discarded_runs = fields.integer<int>("visit_discarded_runs", 0, most);
  protocol.anchor = fields.truth("anchor");
  fields.no_more();
  try {
    validate(protocol);
  } catch (const ConfigError& error) {
    throw DataError(fmt::format("{}: protocol: {}", subject, error.what()));
  }
  return protocol;
}

ExecutableInfo read_executable(Fields fields) {
  ExecutableInfo info;
  info.kernels = fields.texts("kernels");
  info.primitives = fields.integer<int>("primitives", 0, 1'000'000'000);
  info.reorders = fields.integer<int>("reorders", 0, 1'000'000'000);
  info.arena_bytes = fields.integer<std::int64_t>("arena_bytes", 0, kMost);
  info.weight_bytes = fields.integer<std::int64_t>("weight_bytes", 0, kMost);
  info.scratchpad_bytes = fields.integer<std::int64_t>("scratchpad_bytes", 0, kMost);
  info.build_s = fields.number("build_s");
  info.notes = fields.texts("notes");
  fields.no_more();
  return info;
}

Disturbance read_disturbance(Fields fields) {
  Disturbance disturbance;
  disturbance.involuntary_switches = fields.integer<std::int64_t>("involuntary_switches", 0, kMost);
  disturbance.major_faults = fields.integer<std::int64_t>("major_faults", 0, kMost);
  disturbance.steal_s = fields.number("steal_s");
  disturbance.throttled_s = fields.number("throttled_s");
  fields.no_more();
  return disturbance;
}

DeviceState read_state(Fields fields) {
  DeviceState state;
  state.sm_clock_mhz = fields.optional_number("sm_clock_mhz");
  state.memory_clock_mhz = fields.optional_number("memory_clock_mhz");
  state.temperature_c = fields.optional_number("temperature_c");
  state.power_w = fields.optional_number("power_w");
  if (fields.find("clock_events")) state.clock_events = fields.texts("clock_events");
  fields.no_more();
  return state;
}

DeviceStates read_states(Fields fields) {
  DeviceStates states{read_state(fields.object("before")), read_state(fields.object("after"))};
  fields.no_more();
  return states;
}

Shape read_shape(Fields& fields, const std::string& name) {
  const Json& extents = fields.at(name);
  if (!extents.is_array() || extents.empty()) fields.fail(name, extents, "a list of extents");
  Shape shape;
  for (const Json& extent : extents) {
    if (!extent.is_number_integer() || extent.get<std::int64_t>() < 1)
      fields.fail(name, extent, "an extent, at least 1");
    shape.dims.push_back(extent.get<std::int64_t>());
  }
  return shape;
}

std::vector<BlockLatency> read_blocks(const Json& list, const std::string& subject) {
  std::vector<BlockLatency> blocks;
  for (const Json& entry : list) {
    Fields fields(entry, fmt::format("{}: block {}", subject, blocks.size()));
    BlockLatency block;
    block.block.kind = fields.text("kind");
    block.block.input = read_shape(fields, "input");
    block.block.output = read_shape(fields, "output");
    if (fields.find("layers")) block.block.layers = fields.text("layers");  // earlier versions did not write it
    block.latency_s = fields.number("latency_s");
    fields.no_more();
    blocks.push_back(std::move(block));
  }
  return blocks;
}

Origin parse_origin(std::string_view text) {
  for (const Origin origin : {Origin::measured, Origin::simulated, Origin::imported}) {
    if (to_string(origin) == text) return origin;
  }
  throw ConfigError(fmt::format("origin: got '{}', wanted one of measured, simulated, imported", text));
}

std::uint64_t parse_fingerprint(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (text.size() != 16 || error != std::errc{} || end != text.data() + text.size()) {
    throw ConfigError(fmt::format("network_fingerprint: got '{}', wanted 16 hexadecimal digits", text));
  }
  return value;
}

/// The parts must fit one another: a record is measured, imported or skipped, and has as many samples as planned.
void check_parts(const Measurement& m, const std::string& subject) {
  const auto fail = [&](const std::string& what) { throw DataError(fmt::format("{}: {}", subject, what)); };
  if (m.skipped || m.latency_s_given) {
    if (!m.samples_s.empty() || !m.anchor_s.empty()) fail("samples_s: given for a record without measurement");
    if (m.skipped && m.latency_s_given) fail("latency_s: given for a skipped network");
    return;
  }
  if (m.samples_s.size() != static_cast<std::size_t>(m.protocol.timed_runs)) {
    fail(fmt::format("samples_s has {} values, protocol.timed_runs is {}", m.samples_s.size(), m.protocol.timed_runs));
  }
  if (!m.device_samples_s.empty() && m.device_samples_s.size() != m.samples_s.size()) {
    fail(
        fmt::format("device_samples_s has {} values, samples_s has {}", m.device_samples_s.size(), m.samples_s.size()));
  }
  const std::size_t anchors = m.protocol.anchor ? static_cast<std::size_t>(m.protocol.visits) : 0;
  if (m.anchor_s.size() != anchors) fail(fmt::format("anchor_s has {} values, wanted {}", m.anchor_s.size(), anchors));
  for (const double anchor_s : m.anchor_s) {
    if (!(anchor_s > 0)) fail(fmt::format("anchor_s: got {}, wanted more than 0", anchor_s));
  }
}

Measurement read_measurement(Fields& fields, const std::string& subject) {
  Measurement m;
  m.space = fields.text("space");
  m.architecture = fields.text("architecture");
  if (fields.find("index")) m.index = fields.integer<std::uint64_t>("index", 0, kMost);
  m.device = fields.text("device");
  m.device_config = read_device(fields.object("device_config"));
  m.origin = fields.parsed("origin", parse_origin);
  m.environment = fields.text("environment");
  m.campaign = fields.text("campaign");
  m.repeat = fields.integer<int>("repeat", 0, 1'000'000);
  m.network_fingerprint = fields.parsed("network_fingerprint", parse_fingerprint);
  if (fields.find("latency_s")) m.latency_s_given = fields.number("latency_s");
  if (fields.find("skipped")) m.skipped = fields.text("skipped");
  if (!m.latency_s_given && !m.skipped) {
    m.samples_s = fields.seconds("samples_s");
    if (fields.find("device_samples_s")) m.device_samples_s = fields.seconds("device_samples_s");
    m.anchor_s = fields.seconds("anchor_s");
    if (const Json* blocks = fields.find("blocks")) {
      if (!blocks->is_array()) fields.fail("blocks", *blocks, "a list of blocks");
      m.blocks = read_blocks(*blocks, subject);
    }
    m.disturbance = read_disturbance(fields.object("disturbance"));
    if (fields.find("device_states")) m.device_states = read_states(fields.object("device_states"));
    m.executable = read_executable(fields.object("executable"));
  }
  m.protocol = read_protocol(fields.object("protocol"), subject);
  m.flags = fields.texts("flags");
  fields.no_more();
  check_parts(m, subject);
  return m;
}

Environment read_environment(Fields& fields, const std::string& subject) {
  Environment environment;
  environment.key = fields.text("key");
  const Json& facts = fields.at("facts");
  if (!facts.is_object()) fields.fail("facts", facts, "an object");
  for (const auto& item : facts.items()) {
    if (item.value().is_string()) {
      environment.facts.push_back({item.key(), item.value().get<std::string>(), ""});
    } else {
      Fields missing(item.value(), fmt::format("{}: facts: {}", subject, item.key()));
      environment.facts.push_back({item.key(), "", missing.text("missing")});
      missing.no_more();
    }
  }
  fields.no_more();
  return environment;
}

}  // namespace

std::string to_line(const Measurement& m) {
  Json json = {{"type", "measurement"}, {"version", kVersion}, {"space", m.space}, {"architecture", m.architecture}};
  if (m.index) json["index"] = *m.index;
  json["device"] = m.device;
  json["origin"] = to_string(m.origin);
  json["repeat"] = m.repeat;
  if (m.latency_s_given) json["latency_s"] = *m.latency_s_given;
  if (m.skipped) json["skipped"] = *m.skipped;
  json["flags"] = m.flags;
  if (!m.latency_s_given && !m.skipped) {
    json["samples_s"] = m.samples_s;
    if (!m.device_samples_s.empty()) json["device_samples_s"] = m.device_samples_s;
    json["anchor_s"] = m.anchor_s;
    if (!m.blocks.empty()) json["blocks"] = to_json(m.blocks);
    json["disturbance"] = to_json(m.disturbance);
    if (!m.device_states.empty()) {
      json["device_states"] = {{"before", to_json(m.device_states.before)}, {"after", to_json(m.device_states.after)}};
    }
    json["executable"] = to_json(m.executable);
  }
  json["protocol"] = to_json(m.protocol);
  json["device_config"] = to_json(m.device_config);
  json["environment"] = m.environment;
  json["campaign"] = m.campaign;
  json["network_fingerprint"] = fmt::format("{:016x}", m.network_fingerprint);
  return one_line(json);
}

std::string to_line(const Environment& environment) {
  Json facts = Json::object();
  for (const Fact& fact : environment.facts) {
    facts[fact.name] = fact.missing_because.empty() ? Json(fact.value) : Json{{"missing", fact.missing_because}};
  }
  return one_line({{"type", "environment"}, {"version", kVersion}, {"key", environment.key}, {"facts", facts}});
}

DatasetLine parse_line(std::string_view line, const std::string& subject) {
  try {
    const Json json = parse_json(line);
    Fields fields(json, subject);
    const std::string type = fields.text("type");
    if (const Json& version = fields.at("version"); version != kVersion) {
      fields.fail("version", version, fmt::format("{}, the version this program reads", kVersion));
    }
    if (type == "measurement") return read_measurement(fields, subject);
    if (type == "environment") return read_environment(fields, subject);
    fields.fail("type", type, "measurement or environment");
  } catch (const nlohmann::json::exception&) {
    constexpr std::size_t kShown = 40;
    throw DataError(fmt::format("{}: not JSON: got '{}'", subject, line.substr(0, std::min(kShown, line.find('\0')))));
  }
}

}  // namespace naslat
