// Compiled by the benchmark: the standard library's headers and some templates, about a second of work.
#include <algorithm>
#include <array>
#include <functional>
#include <iostream>
#include <map>
#include <numeric>
#include <string>
#include <vector>

template <unsigned N> struct Fibonacci {
  static constexpr unsigned long value = Fibonacci<N - 1>::value + Fibonacci<N - 2>::value;
};
template <> struct Fibonacci<1> { static constexpr unsigned long value = 1; };
template <> struct Fibonacci<0> { static constexpr unsigned long value = 0; };

template <typename T, std::size_t N> T sum(const std::array<T, N> &items) {
  return std::accumulate(items.begin(), items.end(), T{});
}

int main() {
  std::map<std::string, std::function<double(double)>> functions = {
      {"double", [](double x) { return 2 * x; }}, {"square", [](double x) { return x * x; }}};
  std::vector<std::string> names;
  for (const auto &[name, function] : functions)
    names.push_back(name + std::to_string(function(3)));
  std::sort(names.rbegin(), names.rend());
  for (const auto &name : names) std::cout << name << '\n';
  std::cout << Fibonacci<80>::value << ' ' << sum(std::array<long, 3>{1, 2, 3}) << '\n';
}
