/* table.c - aligned columns, colours, and the terminal they are for. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define WRAP_MIN 24   /* Columns that a column which wraps wants beside the others. */
#define WRAP_INDENT 4 /* Where it stands below them. */

bool fl__colours(const struct fl__settings *settings)
{
    const char *no_color = getenv("NO_COLOR"), *terminal = getenv("TERM");
    if (fl__settings_flag(settings, "no-color") || (no_color != NULL && no_color[0] != '\0'))
        return false;
    return isatty(STDOUT_FILENO) && terminal != NULL && strcmp(terminal, "dumb") != 0;
}

const char *fl__colour(bool colours, enum fl__colour colour)
{
    static const char *const sequences[] = {
        [FL__PLAIN] = "\033[0m",  [FL__BOLD] = "\033[1m",    [FL__DIM] = "\033[2m",
        [FL__GREEN] = "\033[32m", [FL__YELLOW] = "\033[33m", [FL__RED] = "\033[1;31m",
    };
    return colours ? sequences[colour] : "";
}

unsigned fl__terminal_width(void)
{
    struct winsize size;
    const char *columns = getenv("COLUMNS");
    uint64_t number;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    if (columns != NULL && fl__value_count(columns, &number) && number >= 20 && number <= 10000)
        return (unsigned)number;
    return 80;
}

unsigned fl__text_width(const char *text)
{
    unsigned width = 0;
    for (; *text != '\0'; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

size_t fl__text_bytes(const char *text, unsigned width)
{
    size_t i = 0;
    for (; text[i] != '\0'; i++) {
        if (((unsigned char)text[i] & 0xc0) != 0x80 && width-- == 0)
            break;
    }
    return i;
}

void fl__print_wrapped(FILE *out, const char *text, unsigned indent, unsigned width)
{
    unsigned column = 0;
    while (*text != '\0') {
        size_t size = strcspn(text, " ");
        if (column > 0 && column + 1 + size > width) {
            fputc('\n', out);
            column = 0;
        }
        column += (unsigned)size + (unsigned)fprintf(out, "%*s", column > 0 ? 1 : (int)indent, "");
        fwrite(text, 1, size, out);
        text += size + strspn(text + size, " ");
    }
    fputc('\n', out);
}

void fl__print_hanging(FILE *out, const char *text, unsigned left, unsigned width)
{
    unsigned room = width >= left + 20 ? width - left : UINT32_MAX;
    while (fl__text_width(text) > room) {
        size_t end = fl__text_bytes(text, room + 1), cut = end;
        while (cut > 0 && text[cut - 1] != ' ')
            cut--;
        if (cut == 0)
            break;
        fprintf(out, "%.*s\n%*s", (int)cut - 1, text, (int)left, "");
        text += cut;
    }
    fputs(text, out);
}

void fl__table_init(struct fl__table *table, unsigned column_count, const char *const *titles)
{
    fl_assert(column_count <= FL__COLUMNS_MAX);
    memset(table, 0, sizeof *table);
    table->column_count = column_count;
    for (unsigned i = 0; i < column_count; i++) {
        table->right[i] = titles[i][0] == '>';
        fl__table_add(table, FL__DIM, "%s", titles[i] + (table->right[i] ? 1 : 0));
    }
}

/* Makes room for one more cell. */
static bool grow(struct fl__table *table)
{
    if (table->cell_count < table->cell_room)
        return true;
    size_t room = table->cell_room == 0 ? 64 : 2 * table->cell_room;
    struct fl__cell *cells = realloc(table->cells, room * sizeof *cells);
    if (cells == NULL)
        return false;
    table->cells = cells;
    table->cell_room = room;
    return true;
}

void fl__table_add(struct fl__table *table, enum fl__colour colour, const char *format, ...)
{
    va_list arguments;
    char *text = NULL;
    if (table->failed)
        return;
    va_start(arguments, format);
    table->failed = !grow(table) || vasprintf(&text, format, arguments) < 0;
    va_end(arguments);
    if (table->failed)
        return;
    unsigned column = (unsigned)(table->cell_count % table->column_count), width = fl__text_width(text);
    if (width > table->width[column])
        table->width[column] = width;
    table->cells[table->cell_count++] = (struct fl__cell){.text = text, .colour = colour};
}

/* The blanks before a cell wait in *blanks until something stands behind them. */
static void print_text(const struct fl__cell *cell, const char *text, unsigned *blanks, FILE *out,
                       bool colours)
{
    if (text[0] == '\0')
        return;
    fprintf(out, "%*s%s", (int)*blanks, "",
            cell->colour != FL__PLAIN ? fl__colour(colours, cell->colour) : "");
    *blanks = 0;
    fputs(text, out);
    if (cell->colour != FL__PLAIN)
        fputs(fl__colour(colours, FL__PLAIN), out);
}

static void print_cell(const struct fl__cell *cell, unsigned width, bool right, unsigned *blanks, FILE *out,
                       bool colours)
{
    unsigned used = fl__text_width(cell->text), rest = used < width ? width - used : 0;
    *blanks += right ? rest : 0;
    print_text(cell, cell->text, blanks, out, colours);
    *blanks += right ? 0 : rest;
}

/* The last cell of a row, which begins in column `left`. */
static void print_last(const struct fl__table *table, const struct fl__cell *cell, unsigned left,
                       unsigned width, unsigned *blanks, FILE *out, bool colours)
{
    const unsigned column = table->column_count - 1;
    unsigned room = width > left ? width - left : 0, used = fl__text_width(cell->text);
    if (cell->text[0] == '\0') {
        *blanks = 0;
    } else if (table->wraps && table->width[column] > room) {
        bool below = room < WRAP_MIN;
        fprintf(out, "%s%*s", below ? "\n" : "", below ? WRAP_INDENT : (int)*blanks, "");
        fl__print_hanging(out, cell->text, below ? WRAP_INDENT : left, width);
    } else if (used > room && room > 1 && !table->right[column]) {
        size_t bytes = fl__text_bytes(cell->text, room - 1);
        char *cut = NULL;
        if (asprintf(&cut, "%.*s…", (int)bytes, cell->text) >= 0)
            print_text(cell, cut, blanks, out, colours);
        free(cut);
    } else {
        print_cell(cell, table->width[column], table->right[column], blanks, out, colours);
    }
}

void fl__table_print(const struct fl__table *table, FILE *out, bool colours, unsigned width)
{
    for (size_t row = 0; row + table->column_count <= table->cell_count; row += table->column_count) {
        unsigned left = 0, blanks = 0, column = 0;
        for (; column + 1 < table->column_count; column++) {
            print_cell(&table->cells[row + column], table->width[column], table->right[column], &blanks, out,
                       colours);
            left += table->width[column] + 2;
            blanks += 2;
        }
        print_last(table, &table->cells[row + column], left, width, &blanks, out, colours);
        fputc('\n', out);
    }
}

void fl__table_release(struct fl__table *table)
{
    for (size_t i = 0; i < table->cell_count; i++)
        free(table->cells[i].text);
    free(table->cells);
    memset(table, 0, sizeof *table);
}
