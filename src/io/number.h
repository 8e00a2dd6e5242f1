/* Decimal numbers as text: exact both ways, whatever the locale. */
#ifndef SB_IO_NUMBER_H
#define SB_IO_NUMBER_H

enum sb_number { SB_NUMBER_FINITE, SB_NUMBER_INFINITE, SB_NUMBER_NONE };

enum {
    SB_NUMBER_LONGEST = 1000, /* characters; a longer text is not taken for a number */
    SB_NUMBER_TEXT = 32       /* bytes that a printed number takes at most */
};

/* The double nearest to the number that the whole text is, half-way cases to even: sign, digits, one `point`, digits,
 * exponent; no hexadecimal, no blanks. INFINITE: "inf" or "infinity", or beyond what a double holds. */
enum sb_number sb_number_read(const char *text, char point, double *value);

/* The fewest digits (15 to 17 at most, zeros behind left out) that read back to the same double. */
void sb_number_print(double value, char text[SB_NUMBER_TEXT]);

#endif
