/* table.c - aligned columns, colours, and the terminal they are for. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

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

static void print_cell(const struct fl__cell *cell, unsigned width, bool right, bool last, unsigned room,
                       FILE *out, bool colours)
{
    unsigned used = fl__text_width(cell->text);
    bool cut = last && used > room && room > 1;
    if (right && used < width)
        fprintf(out, "%*s", (int)(width - used), "");
    if (cell->colour != FL__PLAIN)
        fputs(fl__colour(colours, cell->colour), out);
    if (cut)
        fprintf(out, "%.*s…", (int)fl__text_bytes(cell->text, room - 1), cell->text);
    else
        fputs(cell->text, out);
    if (cell->colour != FL__PLAIN)
        fputs(fl__colour(colours, FL__PLAIN), out);
    if (!right && !last && used < width)
        fprintf(out, "%*s", (int)(width - used), "");
}

void fl__table_print(const struct fl__table *table, FILE *out, bool colours, unsigned width)
{
    for (size_t row = 0; row + table->column_count <= table->cell_count; row += table->column_count) {
        unsigned used = 0;
        for (unsigned column = 0; column < table->column_count; column++) {
            bool last = column + 1 == table->column_count;
            unsigned room = width > used ? width - used : 0;
            print_cell(&table->cells[row + column], table->width[column], table->right[column], last, room,
                       out, colours);
            used += table->width[column] + 2;
            fputs(last ? "\n" : "  ", out);
        }
    }
}

void fl__table_release(struct fl__table *table)
{
    for (size_t i = 0; i < table->cell_count; i++)
        free(table->cells[i].text);
    free(table->cells);
    memset(table, 0, sizeof *table);
}
