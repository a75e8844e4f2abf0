/* png.c - pixels as a PNG file, the one door to libpng. No time stamp, fixed
 * filter and level: the same pixels give the same bytes. */
#include "plot/canvas.h"

#include <png.h>
#include <setjmp.h>

static void put_bytes(png_structp png, png_bytep data, size_t n) { sty_buf_put(png_get_io_ptr(png), data, n); }

static void flush_nothing(png_structp png) { (void)png; }

static void fail_silently(png_structp png, png_const_charp message) {
    (void)message;
    png_longjmp(png, 1);
}

static void ignore(png_structp png, png_const_charp message) {
    (void)png;
    (void)message;
}

static bool write_all(png_structp png, png_infop info, const sty_pixels *pixels, sty_buf *out) {
    if (setjmp(png_jmpbuf(png))) return false;
    png_set_write_fn(png, out, put_bytes, flush_nothing);
    png_set_user_limits(png, 0x7FFFFFFF, 0x7FFFFFFF);
    png_set_IHDR(png, info, (png_uint_32)pixels->width, (png_uint_32)pixels->height, 8, PNG_COLOR_TYPE_RGB,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_set_filter(png, PNG_FILTER_TYPE_BASE, PNG_FILTER_SUB);
    png_set_compression_level(png, 6);
    png_write_info(png, info);
    for (size_t y = 0; y < pixels->height; y++)
        png_write_row(png, pixels->rgb + y * pixels->width * 3);
    png_write_end(png, NULL);
    return true;
}

sty_status sty_png_encode(const sty_pixels *pixels, sty_buf *out, sty_err *err) {
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, fail_silently, ignore);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    const bool ok = info && write_all(png, info, pixels, out) && !out->failed;
    if (png) png_destroy_write_struct(&png, info ? &info : NULL);
    return ok ? STY_OK : sty_err_no_memory(err, pixels->width * pixels->height * 3, "the picture");
}
