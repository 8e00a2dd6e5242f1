/* A roofline picture (Williams, Waterman and Patterson, "Roofline: an insightful visual performance model", CACM 2009):
 * how fast each kernel computes over how much it computes for each byte, under what the device can do at most. */
#ifndef SB_IO_ROOFLINE_H
#define SB_IO_ROOFLINE_H

#include "base/status.h"

#include <stdbool.h>

struct sb_roofline_point {
    const char *name;   /* "scan/forward"; points with the same word in front of the slash have one colour */
    const char *detail; /* what tells it from others of that name: its shape; NULL: nothing */
    double seconds, bytes, flops;
    /* Share of the ceiling that binds it, 0..1, and that ceiling's name. Not a number, NULL: not known. */
    double share;
    const char *bound_by;
    /* That ceiling is no line of the picture, but one for this kernel alone: the rate at which its special functions
     * would be all that takes time. It is drawn as a bar above the point. */
    bool own_roof;
};

struct sb_roofline {
    const char *title, *subtitle; /* NULL: none */
    /* Bytes, and floating-point operations, a second; 0: no line. */
    double copy, multiply_add, matrix;
    const struct sb_roofline_point *points; /* those without bytes, operations or time are listed, not drawn */
    int count;
};

/* A PNG, or an SVG when `path` ends in ".svg"; replaced atomically. Points are numbered; the list beside the picture
 * has their names, rates and shares. */
bool sb_draw_roofline(const char *path, const struct sb_roofline *roofline, struct simba_error *error);

#endif
