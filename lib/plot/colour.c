/* colour.c - themes, the colour map, the palette. The map is a table of 17 points
 * chosen in the OKLab space (lightness 0.235 to 0.925 in equal steps, hue from
 * violet over blue and green to yellow, as much chroma as sRGB has) and joined by
 * lines in integer arithmetic: the same bytes everywhere. */
#include "plot/colour.h"

static const uint32_t roles[2][STY_N_ROLES] = {
    {0xFFFFFF, 0x1B1F27, 0x667085, 0xE6E9EF, 0x1F6F8B, 0xC2410C},
    {0x12151B, 0xE9ECF2, 0x98A2B3, 0x2A303B, 0x5CB8C8, 0xFB923C},
};

static const char *const role_names[STY_N_ROLES] = {"paper", "ink", "muted", "grid", "accent", "warning"};

static const unsigned char map[17][3] = {
    {41, 2, 77},    {41, 4, 112},   {29, 27, 135},  {3, 57, 133},   {7, 77, 125},   {8, 93, 128},
    {13, 108, 132}, {16, 124, 137}, {20, 139, 141}, {21, 156, 143}, {23, 172, 139}, {28, 190, 127},
    {85, 203, 109}, {136, 212, 95}, {180, 220, 82}, {220, 226, 73}, {254, 232, 98},
};

uint32_t sty_colour_rgb(sty_colour colour, sty_theme theme) {
    return colour < STY_PAPER ? colour : roles[theme][colour - STY_PAPER];
}

const char *sty_colour_role(sty_colour colour) { return colour < STY_PAPER ? NULL : role_names[colour - STY_PAPER]; }

sty_colour sty_colour_map(double value) {
    const int at = !(value > 0) ? 0 : value >= 1 ? 4096 : (int)(value * 4096 + 0.5);
    const int i = at >= 4096 ? 15 : at / 256, f = at - 256 * i;
    sty_colour c = 0;
    for (int k = 0; k < 3; k++)
        c = c << 8 | (sty_colour)((map[i][k] * (256 - f) + map[i + 1][k] * f + 128) / 256);
    return c;
}

sty_colour sty_colour_on(sty_colour background) {
    const uint32_t luma = (background >> 16 & 255) * 299 + (background >> 8 & 255) * 587 + (background & 255) * 114;
    return luma > 140000 ? 0x101418 : 0xFFFFFF;
}

sty_colour sty_colour_series(size_t i) {
    static const sty_colour series[STY_N_SERIES] = {0x0072B2, 0xE69F00, 0x009E73, 0xCC79A7, 0xD55E00, 0x56B4E9, 0x8A7F00};
    return series[i % STY_N_SERIES];
}
