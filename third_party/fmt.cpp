// What fmt declares and does not define where it is not used as headers only. Debian compiles it for shared libraries
// alone; compiled here once, it need not be compiled again in every file of ours.

#include <fmt/format-inl.h>

#include <locale>

template fmt::detail::dragonbox::decimal_fp<float> fmt::detail::dragonbox::to_decimal(float) noexcept;
template fmt::detail::dragonbox::decimal_fp<double> fmt::detail::dragonbox::to_decimal(double) noexcept;
template fmt::detail::locale_ref::locale_ref(const std::locale&);
template std::locale fmt::detail::locale_ref::get<std::locale>() const;
template fmt::detail::thousands_sep_result<char> fmt::detail::thousands_sep_impl<char>(locale_ref);
template char fmt::detail::decimal_point_impl(locale_ref);
template void fmt::detail::vformat_to(buffer<char>&, string_view, format_args, locale_ref);
