/* Time that only goes forward. */
#ifndef SB_BASE_CLOCK_H
#define SB_BASE_CLOCK_H

double sb_now(void); /* seconds since some moment in the past */

#endif
