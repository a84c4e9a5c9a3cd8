#pragma once

#include <memory>
#include <string>
#include <vector>

#include "spaces/search_space.hpp"

namespace naslat {

/// What a HAT space offers, and the sentence it is timed on (search-spaces.md 5.1, 5.3).
struct HatForm {
  std::vector<std::int64_t> ffn_widths, heads;
  std::int64_t source_tokens = 30, target_tokens = 30, beam = 5, vocabulary = 32768;
};
inline const HatForm kHatWmt14EnDe{.ffn_widths = {3072, 2048, 1024}, .heads = {8, 4}};
/// What HAT's latency datasets were drawn from.
inline const HatForm kHatWmt14EnDeDataset{.ffn_widths = {3072, 2048, 1024, 512}, .heads = {8, 4, 2}};

/// HAT (Wang et al. 2020), WMT'14 En-De: post-norm Transformers. One run encodes a sentence and decodes it in cached
/// incremental steps for a beam: HAT times the two parts apart and adds their means.
[[nodiscard]] std::unique_ptr<SearchSpace> make_hat(const std::string& name, const HatForm& form);

}  // namespace naslat
