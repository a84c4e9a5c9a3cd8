#include "predictor/checkpoint.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "configs/errors.hpp"
#include "configs/files.hpp"
#include "configs/json.hpp"
#include "measure/pickle.hpp"

// Training: naslat train --config configs/help_nasbench201.toml
__asm__(
    ".globl naslat_help_nasbench201_begin, naslat_help_nasbench201_end\n"  // what AArch64's offset table needs
    ".section .rodata\n"
    ".balign 16\n"
    "naslat_help_nasbench201_begin:\n"
    ".incbin \"" NASLAT_CHECKPOINT_NASBENCH201
    "\"\n"
    "naslat_help_nasbench201_end:\n"
    ".byte 0\n"
    ".text\n");
extern "C" const char naslat_help_nasbench201_begin[], naslat_help_nasbench201_end[];

namespace naslat {

namespace {

static_assert(std::endian::native == std::endian::little, "checkpoints are little-endian and read as they lie");

constexpr std::string_view kMagic = "naslat-checkpoint 1";
constexpr const char *kTrain = "train", *kValidate = "validate", *kInnerSteps = "inner_steps";  // of the training

/// The groups of parameters under the names the file has for them.
template <typename Parameters, typename Visit>
void for_each_group(Parameters& parameters, const Visit& visit) {
  visit("theta", parameters.theta);
  visit("rates", parameters.rates);
  visit("z", parameters.z);
}

std::string checksum(std::string_view head, std::string_view values) {
  const auto add = [](uLong sum, std::string_view bytes) {
    return crc32_z(sum, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size());
  };
  return fmt::format("crc32 {:08x}", add(add(crc32_z(0, nullptr, 0), head), values));
}

/// Cuts one line off the front.
std::string_view take_line(std::string_view& rest, const std::string& subject) {
  const std::size_t end = rest.find('\n');
  if (end == std::string_view::npos) throw DataError(subject + ": ends within its header");
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  return line;
}

NamedMatrix take_matrix(const Json& shape, std::string_view& values, const std::string& subject) {
  const auto rows = shape.at("rows").get<std::int64_t>(), columns = shape.at("columns").get<std::int64_t>();
  const auto most = static_cast<std::int64_t>(values.size() / sizeof(float));
  if (rows < 1 || columns < 1 || rows > most || columns > most || rows * columns > most) {
    throw DataError(fmt::format("{}: matrix {}x{}: only {} values are left", subject, rows, columns, most));
  }
  NamedMatrix matrix{shape.at("name").get<std::string>(), Matrix<float>(rows, columns)};
  const std::size_t bytes = static_cast<std::size_t>(rows * columns) * sizeof(float);
  std::memcpy(matrix.value.data(), values.data(), bytes);
  values.remove_prefix(bytes);
  return matrix;
}

/// Names and shapes must be those of the model that will read them, values numbers.
void check_parameters(const HelpParameters& got, const std::string& subject) {
  const bool graph = !got.theta.empty() && got.theta[0].name == "gc1.weight";
  const Eigen::Index features = got.theta.empty() ? 0 : graph ? got.theta[0].value.rows() : got.theta[0].value.cols();
  constexpr Eigen::Index kMostFeatures = 1000;  // 8, 132 and 145 exist
  if (features < 1 || features > kMostFeatures) {
    throw DataError(fmt::format("{}: got {} features, wanted 1 to {}", subject, features, kMostFeatures));
  }
  Rng rng(0);
  const HelpParameters wanted = initial_help_parameters(static_cast<int>(features), graph, rng);
  const auto compare = [&](const std::vector<NamedMatrix>& a, const std::vector<NamedMatrix>& b) {
    if (a.size() != b.size())
      throw DataError(fmt::format("{}: got {} matrices, wanted {}", subject, a.size(), b.size()));
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (a[i].name != b[i].name || a[i].value.rows() != b[i].value.rows() || a[i].value.cols() != b[i].value.cols()) {
        throw DataError(fmt::format("{}: got {} {}x{}, wanted {} {}x{}", subject, a[i].name, a[i].value.rows(),
                                    a[i].value.cols(), b[i].name, b[i].value.rows(), b[i].value.cols()));
      }
      if (!a[i].value.allFinite()) throw DataError(fmt::format("{}: {}: not finite", subject, a[i].name));
    }
  };
  compare(got.theta, wanted.theta);
  compare(got.rates, wanted.rates);
  compare(got.z, wanted.z);
}

/// What is said of the training: numbers, texts and lists of them. What its readers ask for must be of their type.
void check_training(const Json& training, const std::string& subject) {
  constexpr int kMostInnerSteps = 20;
  const auto refuse = [&](const std::string& key, const char* wanted) {
    throw DataError(fmt::format("{}: header: training: {}: wanted {}", subject, key, wanted));
  };
  if (!training.is_object()) refuse("all of it", "an object");
  for (const auto& [key, value] : training.items()) {
    const bool flat = std::ranges::none_of(value, [](const Json& entry) { return entry.is_structured(); });
    if (value.is_object() || !flat) refuse(key, "a number, a text or a list of them");
    if ((key == kTrain || key == kValidate) &&
        !(value.is_array() && std::ranges::all_of(value, [](const Json& name) { return name.is_string(); }))) {
      refuse(key, "a list of devices");
    }
    if (key == kInnerSteps && !(value.is_number_unsigned() && value <= kMostInnerSteps)) refuse(key, "0 to 20");
  }
}

// ---- HELP's released checkpoints

/// Released checkpoints do not say what they are for, nor what they learned from: help-predictor.md 5.
struct ReleasedSplit {
  const char* space;
  Eigen::Index features;
  std::vector<std::string> train, validate;
};

std::vector<ReleasedSplit> released_splits() {
  const auto desktop = [](const std::string& batch) -> std::pair<std::vector<std::string>, std::vector<std::string>> {
    return {{"1080ti_1", "1080ti_32", "1080ti_" + batch, "silver_4114", "silver_4210r", "samsung_a50", "pixel3",
             "essential_ph_1", "samsung_s7"},
            {"titanx_1", "titanx_32", "titanx_" + batch, "gold_6240"}};
  };
  return {{"nasbench201", 8, desktop("256").first, desktop("256").second},
          {"fbnet", 132, desktop("64").first, desktop("64").second},
          {"mobilenetv3",
           145,
           {"2080ti_1", "2080ti_32", "2080ti_64", "titan_xp_1", "titan_xp_32", "titan_xp_64", "v100_1", "v100_32",
            "v100_64"},
           {"titan_rtx_1", "titan_rtx_32"}}};
}

NamedMatrix released_matrix(std::string name, const pickle::Tensor& tensor, const std::string& subject) {
  if (tensor.shape.empty() || tensor.shape.size() > 2) {
    throw DataError(fmt::format("{}: {}: got {} dimensions, wanted 1 or 2", subject, name, tensor.shape.size()));
  }
  const std::int64_t rows = tensor.shape.size() == 2 ? tensor.shape[0] : 1;
  Matrix<float> value(rows, tensor.shape.back());
  for (std::size_t i = 0; i < tensor.data.size(); ++i) value.data()[i] = static_cast<float>(tensor.data[i]);
  return {std::move(name), std::move(value)};
}

std::vector<NamedMatrix> released_group(const pickle::Value& group, const std::string& subject) {
  std::vector<NamedMatrix> matrices;
  for (const auto& [key, value] : group.dict(subject)) {
    std::string name = key.text(subject);
    if (constexpr std::string_view kPrefix = "meta_learner."; name.starts_with(kPrefix)) name.erase(0, kPrefix.size());
    matrices.push_back(released_matrix(std::move(name), value.tensor(subject), subject));
  }
  return matrices;
}

Checkpoint read_released(const std::filesystem::path& path) {
  const std::string subject = path.string();
  const pickle::Value value = pickle::read_pytorch(path);
  static_cast<void>(value.dict(subject));
  Checkpoint checkpoint;
  checkpoint.version = "released";
  checkpoint.parameters = {released_group(value.at("model"), subject), released_group(value.at("task_lr"), subject),
                           released_group(value.at("inference_network"), subject)};
  check_parameters(checkpoint.parameters, subject);
  const Eigen::Index features = in_by_out(checkpoint.parameters.theta[0]).rows();
  for (const ReleasedSplit& split : released_splits()) {
    if (split.features != features) continue;
    checkpoint.space = split.space;
    checkpoint.training =
        json_line({{"source", "HELP's released checkpoint"}, {kTrain, split.train}, {kValidate, split.validate}});
    return checkpoint;
  }
  throw DataError(fmt::format("{}: got {} features, wanted those of a space that HELP released", subject, features));
}

}  // namespace

std::vector<std::string> source_devices(const Checkpoint& checkpoint) {
  const Json training = parse_json(checkpoint.training);
  std::vector<std::string> devices;
  for (const char* const role : {kTrain, kValidate}) {
    for (const std::string& device : training.value(role, std::vector<std::string>{})) devices.push_back(device);
  }
  return devices;
}

HelpDesign design_of(const Checkpoint& checkpoint) {
  HelpDesign design;
  design.inner_steps = parse_json(checkpoint.training).value(kInnerSteps, design.inner_steps);
  return design;
}

std::string serialize(const Checkpoint& checkpoint) {
  Json matrices = Json::array();
  std::string values;
  for_each_group(checkpoint.parameters, [&](const char* group, const std::vector<NamedMatrix>& list) {
    for (const NamedMatrix& m : list) {
      matrices.push_back({{"group", group}, {"name", m.name}, {"rows", m.value.rows()}, {"columns", m.value.cols()}});
      values.append(reinterpret_cast<const char*>(m.value.data()),
                    static_cast<std::size_t>(m.value.size()) * sizeof(float));
    }
  });
  const Json header = {{"predictor", checkpoint.predictor},
                       {"space", checkpoint.space},
                       {"version", checkpoint.version},
                       {"training", parse_json(checkpoint.training)},
                       {"matrices", std::move(matrices)}};
  const std::string head = fmt::format("{}\n{}\n", kMagic, json_line(header));
  return head + checksum(head, values) + "\n" + values;
}

Checkpoint parse_checkpoint(std::string_view bytes, const std::string& subject) try {
  std::string_view rest = bytes;
  if (take_line(rest, subject) != kMagic)
    throw DataError(fmt::format("{}: not a checkpoint, wanted '{}'", subject, kMagic));
  const std::string_view json = take_line(rest, subject);
  const std::string_view head = bytes.substr(0, bytes.size() - rest.size());
  const std::string_view got = take_line(rest, subject);
  if (const std::string wanted = checksum(head, rest); got != wanted) {
    throw DataError(
        fmt::format("{}: damaged: checksum is '{}', the content's is '{}'", subject, got.substr(0, 20), wanted));
  }
  const Json header = parse_json(json);
  check_training(header.at("training"), subject);
  Checkpoint checkpoint{header.at("predictor").get<std::string>(),
                        header.at("space").get<std::string>(),
                        header.at("version").get<std::string>(),
                        json_line(header.at("training")),
                        {}};
  for_each_group(checkpoint.parameters, [&](const char* group, std::vector<NamedMatrix>& list) {
    for (const Json& shape : header.at("matrices")) {
      if (shape.at("group") == group) list.push_back(take_matrix(shape, rest, subject));
    }
  });
  if (!rest.empty()) throw DataError(fmt::format("{}: {} bytes too many", subject, rest.size()));
  if (checkpoint.predictor != "help") {
    throw DataError(fmt::format("{}: predictor: got '{}', wanted help", subject, checkpoint.predictor));
  }
  check_parameters(checkpoint.parameters, subject);
  return checkpoint;
} catch (const nlohmann::json::exception& error) {
  throw DataError(fmt::format("{}: header: {}", subject, reason(error)));
}

Checkpoint read_checkpoint(const std::filesystem::path& path) {
  if (path.extension() == ".pt") return read_released(path);
  return parse_checkpoint(read_file(path), path.string());
}

const Checkpoint& built_in_checkpoint(std::string_view space) {
  if (!space.starts_with("nasbench201")) {
    throw DataError(fmt::format("space {}: this binary carries no predictor for it, only for nasbench201", space));
  }
  static const Checkpoint checkpoint =
      parse_checkpoint({naslat_help_nasbench201_begin, naslat_help_nasbench201_end}, "built-in checkpoint");
  return checkpoint;
}

Checkpoint load_checkpoint(std::string_view space, const std::filesystem::path& path) {
  return path.empty() ? built_in_checkpoint(space) : read_checkpoint(path);
}

}  // namespace naslat
