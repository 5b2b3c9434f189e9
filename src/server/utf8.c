/* utf8.c - which bytes are characters that people can be shown as they are.
 *
 * What is not: bytes that are no UTF-8, controls, and what cannot be seen or changes how the text around it
 * is shown, as marks of direction do. */
#include "keyspace.h"

static const uint32_t hidden[][2] = {
    {0x80, 0x9f},     {0xad, 0xad},     {0x61c, 0x61c},   {0x180e, 0x180e},
    {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f}, {0xd800, 0xf8ff},
    {0xfeff, 0xfeff}, {0xfff0, 0xfffb}, {0xfffe, 0xffff}, {0xe0000, UINT32_MAX},
};

static bool is_hidden(uint32_t character)
{
    for (size_t k = 0; k < sizeof hidden / sizeof hidden[0]; k++)
        if (character >= hidden[k][0] && character <= hidden[k][1])
            return true;
    return false;
}

size_t fl__utf8_size(struct fl__bytes text)
{
    static const uint32_t least[] = {[2] = 0x80, [3] = 0x800, [4] = 0x10000};
    const unsigned char *bytes = (const unsigned char *)text.data;
    if (text.size == 0)
        return 0;
    if (bytes[0] < 0x80)
        return bytes[0] >= ' ' && bytes[0] <= '~';
    size_t size = bytes[0] >= 0xf0 ? 4 : bytes[0] >= 0xe0 ? 3 : 2;
    if (bytes[0] < 0xc2 || bytes[0] > 0xf4 || size > text.size)
        return 0;
    uint32_t character = bytes[0] & (0xffu >> (size + 1));
    for (size_t k = 1; k < size; k++) {
        if ((bytes[k] & 0xc0) != 0x80)
            return 0;
        character = character << 6 | (bytes[k] & 0x3fu);
    }
    return character < least[size] || is_hidden(character) ? 0 : size;
}
