/* glob.c - patterns, as Redis understands them.
 *
 *     *       any bytes            [abc]   one of these       [^abc]  none of these
 *     ?       any one byte         [a-c]   one from a to c    \x      x itself, also within brackets
 *
 * Only the last star seen ever needs a second try: whatever an earlier star could cover, the later one can
 * too. So there is one point to return to, and no recursion. */
#include "keyspace.h"

static unsigned char fold(char c, bool ignore_case)
{
    return (unsigned char)(ignore_case && c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

/* Matches one byte with the class whose '[' is at *at; moves *at behind its ']', or to the pattern's end. */
static bool match_class(struct fl__bytes pattern, size_t *at, unsigned char byte, bool ignore_case)
{
    const char *p = pattern.data;
    size_t k = *at + 1;
    bool inverted = k < pattern.size && p[k] == '^';
    bool found = false;

    for (k += inverted; k < pattern.size && p[k] != ']'; k++) {
        if (p[k] == '\\' && k + 1 < pattern.size) {
            k++;
            found |= fold(p[k], ignore_case) == byte;
        } else if (k + 2 < pattern.size && p[k + 1] == '-') {
            unsigned char low = fold(p[k], ignore_case), high = fold(p[k + 2], ignore_case);
            found |= low <= high ? low <= byte && byte <= high : high <= byte && byte <= low;
            k += 2;
        } else {
            found |= fold(p[k], ignore_case) == byte;
        }
    }
    *at = k < pattern.size ? k + 1 : k;
    return found != inverted;
}

/* Matches one byte with what stands at *at, which is not a star, and moves *at behind it. */
static bool match_one(struct fl__bytes pattern, size_t *at, unsigned char byte, bool ignore_case)
{
    char c = pattern.data[*at];
    if (c == '[')
        return match_class(pattern, at, byte, ignore_case);
    if (c == '\\' && *at + 1 < pattern.size)
        ++*at;
    else if (c == '?')
        return ++*at, true;
    return fold(pattern.data[(*at)++], ignore_case) == byte;
}

static bool take_steps(uint64_t *steps, uint64_t count)
{
    *steps = *steps > count ? *steps - count : 0;
    return *steps > 0;
}

bool fl__glob_match(struct fl__bytes pattern, struct fl__bytes text, bool ignore_case, uint64_t *steps)
{
    size_t p = 0, t = 0;
    bool starred = false;
    size_t star = 0, covered = 0; /* Where the pattern goes on behind the last star; where its cover ends. */

    while (t < text.size) {
        size_t start = p;
        bool is_star = p < pattern.size && pattern.data[p] == '*';
        bool is_same = !is_star && p < pattern.size &&
                       match_one(pattern, &p, fold(text.data[t], ignore_case), ignore_case);
        /* A class takes as many steps as it is long, whether the byte is in it or not. */
        if (!take_steps(steps, p > start ? p - start : 1))
            return false;
        if (is_star) {
            starred = true;
            star = ++p;
            covered = t;
        } else if (is_same) {
            t++;
        } else if (starred) {
            p = star;
            t = ++covered;
        } else {
            return false;
        }
    }
    for (; p < pattern.size && pattern.data[p] == '*'; p++) {
        if (!take_steps(steps, 1))
            return false;
    }
    return p == pattern.size;
}
