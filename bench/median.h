// The middle of measurements.
#ifndef LOCKSTEP_BENCH_MEDIAN_H_
#define LOCKSTEP_BENCH_MEDIAN_H_

#include <vector>

namespace lockstep::bench {

// Of an even number: the mean of the two in the middle. `values` may not be empty.
double Median(std::vector<double> values);

}  // namespace lockstep::bench

#endif  // LOCKSTEP_BENCH_MEDIAN_H_
