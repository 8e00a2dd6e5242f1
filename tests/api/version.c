/* The headers agree with the library that is linked. Also compiled as C++ (version.cpp). */
#include "simba/simba.h"

#include <stdio.h>

int main(void) {
    printf("libsimba %s\n", simba_version());
    return simba_version()[0] == '\0';
}
