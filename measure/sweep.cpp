#include "measure/sweep.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "configs/errors.hpp"
#include "configs/interrupt.hpp"
#include "measure/anchors.hpp"
#include "measure/disturbance.hpp"
#include "measure/subject.hpp"

namespace naslat {

namespace {

constexpr double kAnchorTolerance = 0.05;  // between the readings around a group; beyond it, the group is repeated
constexpr int kGroupAttempts = 3, kExtraTimings = 2;

/// One visit's result; it counts only if the anchors around its group agree.
struct Visit {
  Subject* subject;
  std::vector<double> samples_s;
  double at_s = 0;
  Disturbance disturbance{};
  std::vector<double> block_samples_s{};   ///< runs × blocks
  std::vector<double> device_samples_s{};  ///< none or as many as samples_s
  DeviceStates device_states{};
};

void append(std::vector<double>& values, const std::vector<double>& more) {
  values.insert(values.end(), more.begin(), more.end());
}

/// Finer than any clock.
void round_samples(std::vector<double>& samples_s) {
  for (double& sample_s : samples_s) sample_s = std::round(sample_s * 1e10) / 1e10;
}

std::string campaign_id(const Backend& backend, std::uint64_t seed) {
  if (backend.simulated()) return fmt::format("simulated-{}", seed);  // equal seeds, equal records
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  return fmt::format("{:04}{:02}{:02}T{:02}{:02}{:02}Z-{}", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday,
                     utc.tm_hour, utc.tm_min, utc.tm_sec, getpid());
}

class Sweep {
 public:
  Sweep(const SearchSpace& space, Backend& backend, const Device& device, const SweepOptions& options,
        DatasetWriter& dataset, Progress& progress)
      : space_(space),
        backend_(backend),
        device_(device),
        options_(options),
        dataset_(dataset),
        progress_(progress),
        now_(backend.clock()),
        campaign_(campaign_id(backend, options.seed)),
        name_(options.device_name.empty() ? device_name(device) : options.device_name) {
    validate(options.protocol);
    if (!backend.simulated()) counters_.emplace();
  }

  SweepSummary run(const std::vector<Architecture>& architectures) {
    const Clock wall = steady_clock();
    const double start_s = backend_.simulated() ? now_() : wall();
    refuse_another_device();
    refuse_another_protocol();
    std::vector<std::vector<Architecture>> passes;
    for (int repeat = 0; repeat < options_.repeats; ++repeat) {
      passes.push_back(to_do(architectures, repeat));
      planned_ += passes.back().size();
    }
    if (planned_ > 0) {
      prepare();
      try {
        for (std::size_t repeat = 0; repeat < passes.size(); ++repeat) pass(passes[repeat], static_cast<int>(repeat));
      } catch (const Interrupted&) {
        throw Interrupted{fmt::format("{} of {} networks are on disk: {}", summary_.measured + summary_.skipped,
                                      planned_, dataset_.path().string())};
      }
    }
    if (anchors_) summary_.anchor_spread = relative_spread(anchors_->levels_s());
    summary_.wall_s = (backend_.simulated() ? now_() : wall()) - start_s;
    return summary_;
  }

 private:
  [[nodiscard]] bool is_ours(const Measurement& m) const { return m.device == name_ && m.origin != Origin::imported; }

  void refuse_another_device() const {
    for (const Measurement& m : dataset_.dataset().measurements) {
      if (is_ours(m) && m.device_config != device_) {
        throw DataError(fmt::format("{}: device '{}' is {}; got {}: give it another --device-name",
                                    dataset_.path().string(), name_, device_name(m.device_config),
                                    device_name(device_)));
      }
    }
  }
  /// A device's name stands for one protocol in each space: mixing two in one column would go unnoticed.
  void refuse_another_protocol() const {
    for (const Measurement& m : dataset_.dataset().measurements) {
      if (is_ours(m) && m.space == space_.name() && m.protocol != options_.protocol) {
        throw DataError(fmt::format("{}: device '{}' was measured by {}; got {}: give it another --device-name",
                                    dataset_.path().string(), name_, describe(m.protocol),
                                    describe(options_.protocol)));
      }
    }
  }
  void refuse_another_environment() const {
    for (const Measurement& m : dataset_.dataset().measurements) {
      if (is_ours(m) && m.environment != environment_.key) {
        throw DataError(
            fmt::format("{}: device '{}' was measured in environment {}; got {}: give it another --device-name",
                        dataset_.path().string(), name_, m.environment, environment_.key));
      }
    }
  }

  std::vector<Architecture> to_do(const std::vector<Architecture>& architectures, int repeat) {
    std::set<std::string> recorded, without_blocks;
    for (const Measurement& m : dataset_.dataset().measurements) {
      if (!is_ours(m) || m.space != space_.name() || m.repeat != repeat) continue;
      recorded.insert(m.architecture);
      if (options_.blocks && m.blocks.empty() && !m.skipped) without_blocks.insert(m.architecture);
    }
    std::vector<Architecture> left;
    for (const Architecture& architecture : architectures) {
      const std::string text = space_.format(architecture);
      summary_.without_blocks += without_blocks.erase(text);
      if (recorded.insert(text).second) left.push_back(architecture);
    }
    summary_.already_there += architectures.size() - left.size();
    return left;
  }

  /// Wakes the device. The library tells all about itself only after its first compilation, so the environment is
  /// inspected here.
  void prepare() {
    if (options_.protocol.anchor || options_.warm_device_s > 0) {
      try {
        anchors_.emplace(space_, backend_, device_);
      } catch (const Unsupported&) {
        if (options_.protocol.anchor) throw;
      }
    }
    environment_ = inspect_environment(backend_);
    refuse_another_environment();
    dataset_.append(environment_);
    if (anchors_) anchors_->warm_up(now_, options_.warm_device_s, summary_.executing_s);
    if (!options_.protocol.anchor) anchors_.reset();
  }

  void pass(std::vector<Architecture> architectures, int repeat) {
    Rng rng(options_.seed * 1'000'003 + static_cast<std::uint64_t>(repeat));
    rng.shuffle(architectures);
    const std::size_t window = window_size();
    for (std::size_t first = 0; first < architectures.size(); first += window) {
      const std::size_t last = std::min(first + window, architectures.size());
      std::vector<Subject> subjects;
      for (std::size_t i = first; i < last; ++i) {
        if (interrupted()) throw Interrupted{};  // compiling takes its time, too
        add_subject(subjects, architectures[i], repeat);
      }
      run_window(subjects, rng);
    }
  }

  /// Networks whose visits are mixed. Nothing of a window is on disk before its last round, so the slower the networks
  /// (the anchors stand for them), the fewer at a time.
  [[nodiscard]] std::size_t window_size() {
    constexpr double kMost_s = 300;
    constexpr std::size_t kLeast = 10;
    const Protocol& protocol = options_.protocol;
    if (!anchors_) return protocol.visits == 1 ? 1 : std::max<std::size_t>(1, options_.window);
    const int runs = protocol.warmup_runs + protocol.discarded_runs + protocol.timed_runs +
                     (protocol.visits - 1) * protocol.visit_discarded_runs;
    if (anchors_->levels_s().empty()) last_reading_ = anchors_->read(now_, summary_.executing_s);
    const double network_s = runs * median_of(anchors_->levels_s());
    const auto affordable = static_cast<std::size_t>(std::clamp(kMost_s / network_s, 0.0, 1e6));
    return std::clamp<std::size_t>(affordable, std::min(kLeast, options_.window), options_.window);
  }

  void add_subject(std::vector<Subject>& subjects, const Architecture& architecture, int repeat) {
    Subject subject;
    Measurement& m = subject.record;
    m.space = space_.name();
    m.architecture = space_.format(architecture);
    m.index = space_.index_of(architecture);
    m.device = name_;
    m.device_config = device_;
    m.origin = backend_.simulated() ? Origin::simulated : Origin::measured;
    m.environment = environment_.key;
    m.campaign = campaign_;
    m.repeat = repeat;
    m.protocol = options_.protocol;
    const Network network = space_.network(architecture);
    m.network_fingerprint = fingerprint(network);
    try {
      subject.executable = backend_.compile(network, device_);
    } catch (const Unsupported& reason) {
      m.skipped = reason.what();
      dataset_.append(m);
      ++summary_.skipped;
      return;
    }
    m.executable = subject.executable->info();
    subjects.push_back(std::move(subject));
  }

  void run_window(std::vector<Subject>& subjects, Rng& rng) {
    std::vector<Subject*> order;
    for (Subject& subject : subjects) order.push_back(&subject);
    std::vector<Subject*> held_back;
    try {
      rounds(order, rng, held_back);
      time_again(held_back, subjects.size(), rng);
    } catch (...) {
      for (Subject* subject : held_back) record(*subject);  // complete, if disturbed
      throw;
    }
    for (Subject* subject : held_back) record(*subject);
  }

  /// All visits of some networks, in a fresh random order in every round. The disturbed ones are held back.
  void rounds(std::vector<Subject*> order, Rng& rng, std::vector<Subject*>& held_back) {
    for (int round = 0; round < options_.protocol.visits; ++round) {
      rng.shuffle(order);
      for (std::size_t first = 0; first < order.size(); first += options_.anchor_group) {
        const std::size_t last = std::min(first + options_.anchor_group, order.size());
        run_group(
            {order.begin() + static_cast<std::ptrdiff_t>(first), order.begin() + static_cast<std::ptrdiff_t>(last)});
        if (round + 1 < options_.protocol.visits) continue;
        for (std::size_t i = first; i < last; ++i) finish(*order[i], held_back);
      }
    }
    last_reading_.reset();  // what follows may be compiling for a while
  }

  /// Visits some networks between two anchor readings, again if the machine changed its speed meanwhile.
  void run_group(const std::vector<Subject*>& group) {
    std::vector<Visit> calmest;
    double calmest_difference = INFINITY;
    bool parted = false;
    for (int attempt = 0; attempt < kGroupAttempts && calmest_difference > kAnchorTolerance; ++attempt) {
      if (anchors_ && !last_reading_) last_reading_ = anchors_->read(now_, summary_.executing_s);
      std::vector<Visit> visits;
      for (Subject* subject : group) visits.push_back(visit(*subject));
      if (!anchors_) {
        calmest = std::move(visits);
        break;
      }
      const Anchors::Reading before = *last_reading_, after = anchors_->read(now_, summary_.executing_s);
      last_reading_ = after;
      if (const double found = difference(before, after); found < calmest_difference) {
        calmest_difference = found;
        parted = anchors_->part(before) || anchors_->part(after);
        for (Visit& v : visits) v.subject->record.anchor_s.resize(static_cast<std::size_t>(v.subject->visits_done));
        for (Visit& v : visits) v.subject->record.anchor_s.push_back(interpolate(before, after, v.at_s));
        calmest = std::move(visits);
      }
    }
    for (Visit& v : calmest) {
      Subject& subject = *v.subject;
      append(subject.record.samples_s, v.samples_s);
      append(subject.record.device_samples_s, v.device_samples_s);
      append(subject.block_samples_s, v.block_samples_s);
      subject.record.disturbance += v.disturbance;
      subject.record.device_states += v.device_states;
      subject.anchors_part = subject.anchors_part || parted;
      subject.drifting = subject.drifting || (anchors_ && calmest_difference > kAnchorTolerance);
      ++subject.visits_done;
      ++visits_made_;
    }
    show_progress();
  }

  Visit visit(Subject& subject) {
    const Protocol& protocol = options_.protocol;
    const int discarded = subject.warm ? protocol.visit_discarded_runs : protocol.warmup_runs + protocol.discarded_runs;
    const std::size_t runs = visit_runs(protocol, subject.visits_done);
    const std::size_t blocks = options_.blocks ? subject.executable->blocks().size() : 0;
    Visit visit{&subject, std::vector<double>(runs), 0, {}, std::vector<double>(runs * blocks)};
    visit.device_samples_s.reserve(runs);
    visit.device_states.before = subject.executable->device_state();
    const Disturbance before = counters_ ? counters_->read() : Disturbance{};
    const double start_s = now_();
    if (blocks == 0) {
      summary_.executing_s += time_runs(*subject.executable, now_, discarded, visit.samples_s, &visit.device_samples_s);
    } else {
      time_with_blocks(*subject.executable, discarded, visit);
    }
    visit.at_s = (start_s + now_()) / 2;
    if (counters_) visit.disturbance = counters_->read() - before;
    visit.device_states.after = subject.executable->device_state();
    round_samples(visit.samples_s);
    round_samples(visit.device_samples_s);
    subject.warm = true;
    return visit;
  }

  /// Whole and block by block in turns, so that both meet the machine and its caches in one state.
  void time_with_blocks(Executable& executable, int discarded, Visit& visit) {
    const std::size_t blocks = visit.block_samples_s.size() / visit.samples_s.size();
    for (std::size_t run = 0; run < visit.samples_s.size(); ++run) {
      summary_.executing_s +=
          time_runs(executable, now_, run == 0 ? discarded : 0, {&visit.samples_s[run], 1}, &visit.device_samples_s);
      summary_.executing_s += time_blocks(executable, now_, 1, {&visit.block_samples_s[run * blocks], blocks});
    }
  }

  void finish(Subject& subject, std::vector<Subject*>& held_back) {
    Measurement& m = subject.record;
    m.flags = block_flags(m);
    m.blocks = subject.block_latencies();
    if (subject.anchors_part) m.flags.emplace_back("anchors part");
    if (subject.drifting) m.flags.emplace_back("drifting");
    if (throttled(m.device_states)) m.flags.emplace_back("throttled");
    if (disturbed(m.disturbance, m.protocol.timed_runs)) {
      m.flags.emplace_back("disturbed");
      held_back.push_back(&subject);
    } else {
      record(subject);
    }
  }

  /// Gives disturbed networks another chance, twice at most; the attempt with the fewest preemptions is kept. At most a
  /// quarter of a window: where more of it is disturbed the machine is, and anchors have to do.
  void time_again(std::vector<Subject*> again, std::size_t window, Rng& rng) {
    std::stable_sort(again.begin(), again.end(), [](const Subject* a, const Subject* b) {
      return a->record.disturbance.involuntary_switches > b->record.disturbance.involuntary_switches;
    });
    again.resize(std::min(again.size(), std::max<std::size_t>(4, window / 4)));
    for (int extra = 0; extra < kExtraTimings && !again.empty(); ++extra) {
      for (Subject* subject : again) subject->start_again();
      summary_.timed_again += again.size();
      planned_again_ += again.size();
      std::vector<Subject*> still;
      rounds(again, rng, still);
      again = std::move(still);
    }
  }

  void record(Subject& subject) {
    if (std::exchange(subject.recorded, true)) return;
    const Measurement& m = subject.calmest();
    dataset_.append(m);
    ++summary_.measured;
    if (throttled(m.device_states)) ++summary_.throttled;
  }

  void show_progress() {
    const double all = static_cast<double>(planned_ + planned_again_) * options_.protocol.visits;
    progress_.update(std::min(1.0, static_cast<double>(visits_made_) / all),
                     fmt::format("{} of {} networks on disk", summary_.measured + summary_.skipped, planned_));
  }

  const SearchSpace& space_;
  Backend& backend_;
  const Device& device_;
  const SweepOptions& options_;
  DatasetWriter& dataset_;
  Progress& progress_;
  Clock now_;
  std::string campaign_, name_;
  Environment environment_;
  std::optional<DisturbanceCounters> counters_;
  std::optional<Anchors> anchors_;
  std::optional<Anchors::Reading> last_reading_;
  std::size_t planned_ = 0, planned_again_ = 0, visits_made_ = 0;
  SweepSummary summary_;
};

}  // namespace

SweepSummary sweep(const SearchSpace& space, const std::vector<Architecture>& architectures, Backend& backend,
                   const Device& device, const SweepOptions& options, DatasetWriter& dataset, Progress& progress) {
  return Sweep(space, backend, device, options, dataset, progress).run(architectures);
}

}  // namespace naslat
