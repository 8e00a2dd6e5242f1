#include "base/json.h"

#include <ctype.h>
#include <string.h>

enum { LONGEST = 63 };

/* Insertions, deletions, replacements and exchanges of neighbours that turn one word into the other, whatever the case
 * of the letters (optimal string alignment distance). */
static int edit_distance(const char *left, int left_length, const char *right, int right_length) {
    int rows[3][LONGEST + 1];
    int *before = rows[0], *above = rows[1], *row = rows[2];
    for (int j = 0; j <= right_length; j++) above[j] = before[j] = j;
    for (int i = 1; i <= left_length; i++) {
        row[0] = i;
        for (int j = 1; j <= right_length; j++) {
            int a = tolower((unsigned char)left[i - 1]), b = tolower((unsigned char)right[j - 1]);
            int best = above[j - 1] + (a != b);
            if (above[j] + 1 < best) best = above[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            bool exchanged =
                i > 1 && j > 1 && a == tolower((unsigned char)right[j - 2]) && b == tolower((unsigned char)left[i - 2]);
            if (exchanged && before[j - 2] + 1 < best) best = before[j - 2] + 1;
            row[j] = best;
        }
        int *recycled = before;
        before = above;
        above = row;
        row = recycled;
    }
    return above[right_length];
}

const char *sb_nearest_word(const char *word, const char *const *known) {
    size_t length = strlen(word);
    if (length == 0 || length > LONGEST) return NULL;
    const char *nearest = NULL;
    int smallest = LONGEST + 1;
    for (int i = 0; known[i]; i++) {
        size_t other = strlen(known[i]);
        if (other == 0 || other > LONGEST) continue;
        int distance = edit_distance(word, (int)length, known[i], (int)other);
        /* A beginning of three letters or more is near, too: "class" for "classes", "drop" for "drop_path". */
        if (length >= 3 && other > length && strncmp(word, known[i], length) == 0) distance = 1;
        /* One slip per three letters is still a slip; more is another word. */
        size_t longest = length > other ? length : other;
        if ((size_t)distance > (longest + 2) / 3 || (size_t)distance >= longest) continue;
        if (distance < smallest) {
            smallest = distance;
            nearest = known[i];
        }
    }
    return nearest;
}
