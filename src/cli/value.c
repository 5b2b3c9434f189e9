/* value.c - values of options: from text, and to text.
 *
 * One function says whether a text is a value for an option, and if not, what would be; the readers below it
 * take apart what it has let through. Units must be plain: 64MiB is 2^20 bytes each and 64MB is 10^6, so that
 * a bare "64M", which programs read in both ways, is refused. */
#include "cli.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

/* ---------------------------------------------------------------------------------------------- from text */

/* Reads digits; what follows them is left in *rest. */
static bool read_digits(const char *text, uint64_t *out, const char **rest)
{
    if (!isdigit((unsigned char)text[0]))
        return false;
    char *end;
    errno = 0;
    *out = strtoull(text, &end, 10);
    *rest = end;
    return errno == 0;
}

bool fl__value_count(const char *text, uint64_t *out)
{
    const char *rest;
    return read_digits(text, out, &rest) && *rest == '\0';
}

bool fl__value_percent(const char *text, uint64_t *out)
{
    const char *rest;
    return read_digits(text, out, &rest) && strcmp(rest, "%") == 0 && *out <= 100;
}

struct unit {
    const char *name;
    uint64_t factor;
};

/* Reads a whole number and one of the units; a number without a unit counts as `bare` each, 0: not
 * allowed. */
static bool read_with_unit(const char *text, const struct unit *units, uint64_t bare, uint64_t *out)
{
    const char *rest;
    uint64_t number;
    if (!read_digits(text, &number, &rest))
        return false;
    while (*rest == ' ')
        rest++;
    uint64_t factor = *rest == '\0' ? bare : 0;
    for (const struct unit *unit = units; unit->name != NULL && factor == 0; unit++) {
        if (strcasecmp(rest, unit->name) == 0)
            factor = unit->factor;
    }
    if (factor == 0 || number > UINT64_MAX / factor)
        return number == 0 && *rest == '\0' ? (*out = 0, true) : false;
    *out = number * factor;
    return true;
}

bool fl__value_size(const char *text, uint64_t *out)
{
    static const struct unit units[] = {
        {"B", 1},     {"KiB", 1ull << 10}, {"MiB", 1ull << 20}, {"GiB", 1ull << 30},   {"TiB", 1ull << 40},
        {"KB", 1000}, {"MB", 1000000},     {"GB", 1000000000},  {"TB", 1000000000000}, {NULL, 0}};
    return read_with_unit(text, units, 1, out);
}

bool fl__value_duration(const char *text, fl_time_us bare, fl_time_us *out)
{
    static const struct unit units[] = {{"us", 1}, {"ms", 1000}, {"s", 1000000}, {"m", 60000000}, {NULL, 0}};
    return read_with_unit(text, units, bare, out);
}

bool fl__value_flag(const char *text, bool *out)
{
    static const char *const yes[] = {"yes", "true", "on", "1"};
    static const char *const no[] = {"no", "false", "off", "0"};
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
        *out = strcasecmp(text, yes[i]) == 0;
        if (*out || strcasecmp(text, no[i]) == 0)
            return true;
    }
    return false;
}

bool fl__value_name(const char *text)
{
    size_t length = strlen(text);
    if (length == 0 || length >= FL_NAME_MAX)
        return false;
    for (const char *c = text; *c != '\0'; c++) {
        if (!isalnum((unsigned char)*c) && *c != '-' && *c != '_' && *c != '.')
            return false;
    }
    return true;
}

/* A host has no blank, no comma (which separates addresses), and no colon but in brackets. */
static bool is_host(const char *host, size_t length, bool bracketed)
{
    if (length == 0 || length >= FL_ADDRESS_MAX - 8)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (isspace((unsigned char)host[i]) || strchr(bracketed ? ",=/[]" : ",=/[]:", host[i]) != NULL)
            return false;
    }
    return true;
}

bool fl__value_address(const char *text, char host[FL_ADDRESS_MAX], unsigned *port)
{
    const char *colon = strrchr(text, ':');
    if (colon == NULL)
        return false;
    size_t length = (size_t)(colon - text);
    bool bracketed = length >= 2 && text[0] == '[' && colon[-1] == ']';
    if (bracketed) {
        text++;
        length -= 2;
    }
    uint64_t number;
    if (!is_host(text, length, bracketed) || !fl__value_count(colon + 1, &number) || number == 0 ||
        number > 65535)
        return false;
    memcpy(host, text, length);
    host[length] = '\0';
    *port = (unsigned)number;
    return true;
}

static bool is_address(const char *text)
{
    char host[FL_ADDRESS_MAX];
    unsigned port;
    return fl__value_address(text, host, &port);
}

static bool are_addresses(const char *text)
{
    char part[FL_ADDRESS_MAX];
    for (;;) {
        size_t length = strcspn(text, ",");
        if (length >= sizeof part)
            return false;
        memcpy(part, text, length);
        part[length] = '\0';
        if (!is_address(part))
            return false;
        if (text[length] == '\0')
            return true;
        text += length + 1;
    }
}

bool fl__value_cluster_id(const char *text, uint8_t out[16])
{
    unsigned digits = 0;
    for (; *text != '\0'; text++) {
        if (*text == '-')
            continue;
        if (!isxdigit((unsigned char)*text) || digits == 32)
            return false;
        int c = tolower((unsigned char)*text);
        uint8_t value = (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
        out[digits / 2] = (uint8_t)(digits % 2 == 0 ? value << 4 : out[digits / 2] | value);
        digits++;
    }
    return digits == 32;
}

/* One NAME=HOST:PORT of `length` bytes. */
static bool read_member(const char *text, size_t length, struct fl_node_member *out, char *why, size_t size)
{
    const char *equals = memchr(text, '=', length);
    size_t name_length = equals == NULL ? 0 : (size_t)(equals - text);
    size_t address_length = equals == NULL ? 0 : length - name_length - 1;
    memset(out, 0, sizeof *out);
    if (equals != NULL && name_length < sizeof out->name && address_length < sizeof out->address) {
        memcpy(out->name, text, name_length);
        memcpy(out->address, equals + 1, address_length);
        if (fl__value_name(out->name) && is_address(out->address))
            return true;
    }
    snprintf(why, size, "\"%.*s\" is not NAME=HOST:PORT", (int)(length < 100 ? length : 100), text);
    return false;
}

unsigned fl__value_members(const char *text, struct fl_node_member out[FL_MEMBERS_MAX], char *why,
                           size_t size)
{
    unsigned count = 0;
    for (;;) {
        text += strspn(text, " \t");
        size_t length = strcspn(text, ","), used = length;
        while (used > 0 && isspace((unsigned char)text[used - 1]))
            used--;
        if (count == FL_MEMBERS_MAX) {
            snprintf(why, size, "there are more than %d members", FL_MEMBERS_MAX);
            return 0;
        }
        if (!read_member(text, used, &out[count], why, size))
            return 0;
        for (unsigned i = 0; i < count; i++) {
            bool same_name = strcmp(out[i].name, out[count].name) == 0;
            if (same_name || strcmp(out[i].address, out[count].address) == 0) {
                snprintf(why, size, "%.100s is there twice", same_name ? out[i].name : out[i].address);
                return 0;
            }
        }
        count++;
        if (text[length] == '\0')
            return count;
        text += length + 1;
    }
}

bool fl__value_span(const char *text, uint64_t *first, uint64_t *last)
{
    const char *rest;
    return read_digits(text, first, &rest) && strncmp(rest, "..", 2) == 0 &&
           fl__value_count(rest + 2, last) && *first <= *last;
}

bool fl__value_faults(const char *text, uint32_t *out)
{
    *out = 0;
    for (;;) {
        size_t length = strcspn(text, ",");
        uint32_t fault = 0;
        while (fault < FL_SIM_FAULTS &&
               (strlen(fl_sim_fault_name((enum fl_sim_fault)fault)) != length ||
                memcmp(fl_sim_fault_name((enum fl_sim_fault)fault), text, length) != 0))
            fault++;
        if (fault == FL_SIM_FAULTS)
            return false;
        *out |= 1u << fault;
        if (text[length] == '\0')
            return true;
        text += length + 1;
    }
}

bool fl__value_strikes(const char *text, struct fl_sim_strikes *out)
{
    *out = (struct fl_sim_strikes){.is_chosen = true};
    if (strcmp(text, "none") == 0)
        return true;
    for (;;) {
        char *end;
        unsigned long number = strtoul(text, &end, 10);
        if (*text < '0' || *text > '9' || number >= FL_SIM_STRIKES_MAX || (*end != ',' && *end != '\0'))
            return false;
        out->bits[number / 64] |= (uint64_t)1 << number % 64;
        if (*end == '\0')
            return true;
        text = end + 1;
    }
}

/* ----------------------------------------------------------------------------------------------- checking */

/* Says what a bounded number may be: "a size from 4 KiB to 1 GiB, such as 16MiB". */
static void say_range(const struct fl__option *option, const char *what, const char *example, char *out,
                      size_t size)
{
    char low[32], high[32];
    void (*text)(uint64_t, char *, size_t) = fl__value_duration_text;
    if (option->kind == FL__SIZE || option->kind == FL__SIZE_OR_PERCENT)
        text = fl__value_size_text;
    text(option->min, low, sizeof low);
    text(option->max, high, sizeof high);
    if (option->kind == FL__COUNT) {
        snprintf(low, sizeof low, "%llu", (unsigned long long)option->min);
        snprintf(high, sizeof high, "%llu", (unsigned long long)option->max);
    }
    if (option->max != 0)
        snprintf(out, size, "%s from %s to %s%s", what, low, high, example);
    else if (option->min != 0)
        snprintf(out, size, "%s of at least %s%s", what, low, example);
    else
        snprintf(out, size, "%s%s", what, example);
}

static bool check_number(const struct fl__option *option, const char *text, char *allowed, size_t size)
{
    uint64_t value = 0;
    bool read = false;
    if (option->kind == FL__COUNT) {
        read = fl__value_count(text, &value);
        say_range(option, "a whole number", "", allowed, size);
    } else if (option->kind == FL__MILLISECONDS) {
        read = fl__value_duration(text, 1000, &value);
        say_range(option, "a duration", ", such as 200, 200ms or 2s (a bare number is milliseconds)", allowed,
                  size);
    } else if (option->kind == FL__SECONDS) {
        read = fl__value_duration(text, 1000000, &value);
        say_range(option, "a duration", ", such as 5s or 500ms", allowed, size);
    } else {
        read = fl__value_size(text, &value);
        say_range(option, "a size", ", such as 16MiB (16MB is 16,000,000 bytes)", allowed, size);
    }
    return read && value >= option->min && (option->max == 0 || value <= option->max);
}

static bool check_choice(const char *words, const char *text, char *allowed, size_t size)
{
    size_t used = 0, text_length = strlen(text);
    bool found = false;
    for (const char *word = words;; word++) {
        size_t length = strcspn(word, "|");
        bool last = word[length] == '\0', first = word == words;
        found = found || (length == text_length && memcmp(word, text, length) == 0);
        if (used < size)
            used += (size_t)snprintf(allowed + used, size - used, "%s%.*s",
                                     first  ? ""
                                     : last ? " or "
                                            : ", ",
                                     (int)length, word);
        word += length;
        if (last)
            return found;
    }
}

static void list_faults(char *out, size_t size)
{
    size_t used = (size_t)snprintf(out, size, "some of these, separated by commas:");
    for (uint32_t fault = 0; fault < FL_SIM_FAULTS && used < size; fault++)
        used += (size_t)snprintf(out + used, size - used, " %s", fl_sim_fault_name((enum fl_sim_fault)fault));
}

bool fl__value_check(const struct fl__option *option, const char *text, char *allowed, size_t size)
{
    uint64_t number, other;
    uint32_t faults;
    struct fl_sim_strikes strikes;
    uint8_t id[16];
    bool flag;
    struct fl_node_member members[FL_MEMBERS_MAX];
    switch (option->kind) {
    case FL__FLAG:
        snprintf(allowed, size, "yes or no");
        return fl__value_flag(text, &flag);
    case FL__PATH:
        snprintf(allowed, size, "a path");
        return text[0] != '\0';
    case FL__NAME:
        snprintf(allowed, size, "1 to %d letters, digits, '-', '_' or '.'", FL_NAME_MAX - 1);
        return fl__value_name(text);
    case FL__ADDRESS:
        snprintf(allowed, size, "HOST:PORT, such as 127.0.0.1:7600 or [::1]:7600");
        return is_address(text);
    case FL__ADDRESS_OR_OFF:
        snprintf(allowed, size, "HOST:PORT, such as 127.0.0.1:7602, or off");
        return strcmp(text, "off") == 0 || is_address(text);
    case FL__ADDRESSES:
        snprintf(allowed, size, "HOST:PORT, or some of them separated by commas");
        return are_addresses(text);
    case FL__HOST:
        snprintf(allowed, size, "a host without a port, such as db1.example or 10.0.0.1");
        return is_host(text, strlen(text), strchr(text, ':') != strrchr(text, ':'));
    case FL__LETTERS:
        snprintf(allowed, size, "letters of Ag$lshzxeKEtmdn, such as KEA");
        return text[strspn(text, "Ag$lshzxeKEtmdn")] == '\0';
    case FL__MEMBERS:
        if (fl__value_members(text, members, allowed, size) != 0)
            return true;
        snprintf(allowed + strlen(allowed), size - strlen(allowed), "; write n1=HOST:PORT,n2=HOST:PORT,...");
        return false;
    case FL__CLUSTER_ID:
        snprintf(allowed, size, "32 hexadecimal digits, dashes allowed");
        return fl__value_cluster_id(text, id);
    case FL__SIZE_OR_PERCENT:
        if (fl__value_percent(text, &number))
            return number > 0;
        if (check_number(option, text, allowed, size))
            return true;
        snprintf(allowed, size,
                 "a size, such as 4GiB or 500MB, a share of the memory, such as 80%%, or 0 for no limit");
        return false;
    case FL__SPAN:
        snprintf(allowed, size, "two whole numbers, such as 1..2000");
        return fl__value_span(text, &number, &other);
    case FL__FAULTS:
        list_faults(allowed, size);
        return fl__value_faults(text, &faults);
    case FL__STRIKES:
        snprintf(allowed, size, "numbers below %d separated by commas, such as 3,17,40, or none",
                 FL_SIM_STRIKES_MAX);
        return fl__value_strikes(text, &strikes);
    case FL__CHOICE:
        return check_choice(option->value, text, allowed, size);
    case FL__COUNT:
    case FL__SIZE:
    case FL__MILLISECONDS:
    case FL__SECONDS:
        break;
    }
    return check_number(option, text, allowed, size);
}

/* ------------------------------------------------------------------------------------------------ to text */

void fl__value_size_text(uint64_t size, char *out, size_t out_size)
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    unsigned unit = 0;
    uint64_t whole = size, rest = 0;
    while (whole >= 1024) {
        rest = whole % 1024;
        whole /= 1024;
        unit++;
    }
    if (rest * 10 / 1024 == 0)
        snprintf(out, out_size, "%llu %s", (unsigned long long)whole, units[unit]);
    else
        snprintf(out, out_size, "%llu.%llu %s", (unsigned long long)whole,
                 (unsigned long long)(rest * 10 / 1024), units[unit]);
}

void fl__value_duration_text(fl_time_us duration, char *out, size_t out_size)
{
    if (duration % 1000000 == 0)
        snprintf(out, out_size, "%llu s", (unsigned long long)(duration / 1000000));
    else if (duration % 1000 == 0)
        snprintf(out, out_size, "%llu ms", (unsigned long long)(duration / 1000));
    else
        snprintf(out, out_size, "%llu us", (unsigned long long)duration);
}

bool fl__value_new_cluster_id(char out[33])
{
    uint8_t bytes[16];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return false;
    for (unsigned i = 0; i < sizeof bytes; i++)
        snprintf(out + 2 * (size_t)i, 3, "%02x", bytes[i]);
    return true;
}

/* ----------------------------------------------------------------------------------------- misspelt words */

#define WORD_MAX 32

/* How many letters must be added, removed or changed to make one word of the other (Levenshtein). */
static unsigned distance(const char *a, const char *b)
{
    size_t b_length = strlen(b);
    unsigned row[WORD_MAX + 1];
    for (size_t j = 0; j <= b_length; j++)
        row[j] = (unsigned)j;
    for (size_t i = 0; a[i] != '\0'; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i + 1;
        for (size_t j = 1; j <= b_length; j++) {
            unsigned changed = diagonal + (a[i] != b[j - 1]);
            unsigned shorter = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = changed < shorter ? changed : shorter;
        }
    }
    return row[b_length];
}

const char *fl__value_nearest(const char *text, const char *const *words)
{
    const char *best = NULL;
    size_t length = strlen(text);
    unsigned best_distance = length < 4 ? 2 : 3;
    if (length > WORD_MAX)
        return NULL;
    for (; *words != NULL; words++) {
        if (strlen(*words) > WORD_MAX)
            continue;
        unsigned d = distance(text, *words);
        if (d < best_distance) {
            best_distance = d;
            best = *words;
        }
    }
    return best;
}
