/* decimal.c - numbers with a point: text to decimal digits, their sum, and back. For INCRBYFLOAT, whose
 * result must be the same on every node: no floating point, only digits.
 *
 * A number is its digits, the last decimal first: digit k stands for 10^(k - FL__DECIMAL_PLACES). Invariants:
 *   D1  Of digits[] the first `size` are in use, and the highest of these is not 0. Zero has no digits and no
 *       sign.
 *   D2  size is at most FL__DECIMAL_SIZE: FL__DECIMAL_WHOLE digits before the point. One more place is for
 *       the carry of a sum that is then refused.
 *
 * A text may have more decimals than FL__DECIMAL_PLACES; those are dropped. A sum is rounded to the
 * SHOWN_PLACES that are printed, half to even, so what is printed is the whole number. */
#include "keyspace.h"

#include <string.h>

#define TEXT_SIZE_MAX 5119 /* Longer texts are not numbers for Redis either. */
#define SHOWN_PLACES 17
#define DROPPED (FL__DECIMAL_PLACES - SHOWN_PLACES) /* Digits that a rounded number has as 0. */
#define SMALLEST (-4951)                            /* Exponent of the smallest number: Redis' range. */
#define EXPONENT_MAX 100000 /* More is the same: far outside of what a text's digits make up for. */

/* ------------------------------------------------------------------------------------------------ reading */

/* Where a text's digits are, and the power of ten of the first one. */
struct shape {
    struct fl__bytes mantissa; /* Digits, with at most one point among them. */
    int32_t power;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Takes a sign, if there is one, off the text's front; true: it was a minus. */
static bool take_sign(struct fl__bytes *text)
{
    bool has_sign = text->size > 0 && (text->data[0] == '-' || text->data[0] == '+');
    bool is_negative = has_sign && text->data[0] == '-';
    if (has_sign)
        *text = (struct fl__bytes){text->data + 1, text->size - 1};
    return is_negative;
}

/* What stands behind an 'e'. */
static bool read_exponent(struct fl__bytes text, int32_t *out)
{
    bool is_negative = take_sign(&text);
    int32_t value = 0;
    for (size_t k = 0; k < text.size; k++) {
        if (!is_digit(text.data[k]))
            return false;
        value = value * 10 + (text.data[k] - '0');
        value = value < EXPONENT_MAX ? value : EXPONENT_MAX;
    }
    *out = is_negative ? -value : value;
    return text.size > 0;
}

static bool find_shape(struct fl__bytes text, struct shape *shape)
{
    size_t at = 0, digit_count = 0, whole_count = 0;
    bool has_point = false;
    for (; at < text.size && (is_digit(text.data[at]) || (text.data[at] == '.' && !has_point)); at++) {
        has_point = has_point || text.data[at] == '.';
        digit_count += text.data[at] != '.';
        whole_count += !has_point;
    }
    int32_t exponent = 0;
    if (digit_count == 0)
        return false;
    if (at < text.size) {
        if ((text.data[at] | 0x20) != 'e')
            return false;
        if (!read_exponent((struct fl__bytes){text.data + at + 1, text.size - at - 1}, &exponent))
            return false;
    }
    *shape = (struct shape){{text.data, at}, (int32_t)whole_count - 1 + exponent};
    return true;
}

/* False: the number is too large, or too small without being zero. */
static bool place_digits(const struct shape *shape, struct fl__decimal *out)
{
    int32_t power = shape->power;
    bool has_begun = false;
    out->size = 0;
    for (size_t k = 0; k < shape->mantissa.size; k++) {
        char c = shape->mantissa.data[k];
        if (c == '.')
            continue;
        int32_t place = power-- + FL__DECIMAL_PLACES;
        if (c != '0' && !has_begun) {
            has_begun = true;
            if (place >= FL__DECIMAL_SIZE || place < FL__DECIMAL_PLACES + SMALLEST)
                return false;
            out->size = place < 0 ? 0 : (uint16_t)(place + 1);
            memset(out->digits, 0, out->size);
        }
        if (has_begun && place >= 0)
            out->digits[place] = (uint8_t)(c - '0');
    }
    return true;
}

enum fl__decimal_kind fl__decimal_parse(struct fl__bytes text, struct fl__decimal *out)
{
    struct shape shape;
    if (text.size > TEXT_SIZE_MAX)
        return FL__DECIMAL_NONE;
    out->is_negative = take_sign(&text);
    if (fl__bytes_is(text, "inf") || fl__bytes_is(text, "infinity"))
        return FL__DECIMAL_INFINITE;
    if (!find_shape(text, &shape) || !place_digits(&shape, out))
        return FL__DECIMAL_NONE;
    out->is_negative = out->is_negative && out->size > 0;
    return FL__DECIMAL_FINITE;
}

/* ------------------------------------------------------------------------------------------------- adding */

static uint8_t digit_at(const struct fl__decimal *value, uint32_t place)
{
    return place < value->size ? value->digits[place] : 0;
}

static void trim(struct fl__decimal *value)
{
    while (value->size > 0 && value->digits[value->size - 1] == 0)
        value->size--;
    value->is_negative = value->is_negative && value->size > 0;
}

/* Whether a is further from zero than b. */
static bool is_larger(const struct fl__decimal *a, const struct fl__decimal *b)
{
    uint32_t place = a->size;
    if (a->size != b->size)
        return a->size > b->size;
    while (place > 0 && a->digits[place - 1] == b->digits[place - 1])
        place--;
    return place > 0 && a->digits[place - 1] > b->digits[place - 1];
}

static void add_digits(struct fl__decimal *sum, const struct fl__decimal *addend)
{
    uint32_t size = sum->size > addend->size ? sum->size : addend->size;
    uint8_t carry = 0;
    for (uint32_t k = 0; k < size; k++) {
        uint8_t digit = (uint8_t)(digit_at(sum, k) + digit_at(addend, k) + carry);
        carry = digit >= 10;
        sum->digits[k] = (uint8_t)(digit - 10 * carry);
    }
    sum->digits[size] = carry;
    sum->size = (uint16_t)(size + 1);
}

/* difference = larger - smaller; difference is one of the two. */
static void subtract_digits(struct fl__decimal *difference, const struct fl__decimal *larger,
                            const struct fl__decimal *smaller)
{
    uint8_t borrow = 0;
    for (uint32_t k = 0; k < larger->size; k++) {
        uint8_t taken = (uint8_t)(digit_at(smaller, k) + borrow);
        borrow = larger->digits[k] < taken;
        difference->digits[k] = (uint8_t)(larger->digits[k] + 10 * borrow - taken);
    }
    difference->size = larger->size;
}

/* Whether the digits that are not shown are more than half of the last shown one, or half of an odd one. */
static bool rounds_up(const struct fl__decimal *value)
{
    uint8_t first = digit_at(value, DROPPED - 1);
    bool has_more = false;
    for (uint32_t k = 0; k < DROPPED - 1; k++)
        has_more = has_more || digit_at(value, k) != 0;
    return first > 5 || (first == 5 && (has_more || digit_at(value, DROPPED) % 2 == 1));
}

static void round_digits(struct fl__decimal *value)
{
    bool up = rounds_up(value);
    if (value->size < DROPPED) /* At most the digit that it is rounded to. */
        value->size = DROPPED;
    memset(value->digits, 0, DROPPED);
    for (uint32_t k = DROPPED; up; k++) {
        uint8_t digit = (uint8_t)(digit_at(value, k) + 1);
        if (k >= value->size)
            value->size = (uint16_t)(k + 1);
        up = digit == 10;
        value->digits[k] = up ? 0 : digit;
    }
    trim(value);
}

bool fl__decimal_add(struct fl__decimal *sum, const struct fl__decimal *addend)
{
    if (sum->is_negative == addend->is_negative) {
        add_digits(sum, addend);
    } else if (is_larger(addend, sum)) {
        sum->is_negative = addend->is_negative;
        subtract_digits(sum, addend, sum);
    } else {
        subtract_digits(sum, sum, addend);
    }
    trim(sum);
    round_digits(sum);
    return sum->size <= FL__DECIMAL_SIZE;
}

/* ----------------------------------------------------------------------------------------------- printing */

size_t fl__decimal_print(const struct fl__decimal *value, char out[FL__DECIMAL_TEXT_SIZE])
{
    size_t at = 0;
    uint32_t place = value->size > FL__DECIMAL_PLACES ? value->size : FL__DECIMAL_PLACES + 1;
    uint32_t last = DROPPED;
    while (last < FL__DECIMAL_PLACES && digit_at(value, last) == 0)
        last++;
    if (value->is_negative)
        out[at++] = '-';
    while (place > FL__DECIMAL_PLACES)
        out[at++] = (char)('0' + digit_at(value, --place));
    if (last < FL__DECIMAL_PLACES)
        out[at++] = '.';
    while (place > last)
        out[at++] = (char)('0' + digit_at(value, --place));
    return at;
}
