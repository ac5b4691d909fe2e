// SPDX-License-Identifier: Apache-2.0
//! A small line of live bytes over time, from zero.

use egui::{Color32, Mesh, Painter, Pos2, Rect, Shape, Stroke, pos2};

/// Paints `values` across `rect`; zero lies on its lower edge, the largest on its upper one.
pub(super) fn sparkline(painter: &Painter, rect: Rect, values: &[u64], color: Color32, is_filled: bool) {
    let points = points(rect, values);
    if points.len() < 2 {
        return;
    }
    if is_filled {
        painter.add(area(rect, &points, color.gamma_multiply(0.18)));
    }
    if let Some(last) = points.last() {
        painter.circle_filled(*last, 1.75, color);
    }
    painter.add(Shape::line(points, Stroke::new(1.25, color)));
}

/// What lies below the line.
fn area(rect: Rect, points: &[Pos2], fill: Color32) -> Shape {
    let mut area = Mesh::default();
    for point in points {
        let row = area.vertices.len() as u32;
        area.colored_vertex(*point, fill);
        area.colored_vertex(pos2(point.x, rect.bottom()), fill);
        if row > 0 {
            area.add_triangle(row - 2, row - 1, row);
            area.add_triangle(row - 1, row, row + 1);
        }
    }
    Shape::mesh(area)
}

/// Where each value stands, evenly spaced. No more points than pixels: of those that share one, the largest is kept.
fn points(rect: Rect, values: &[u64]) -> Vec<Pos2> {
    let largest = values.iter().copied().max().unwrap_or(0).max(1) as f32;
    let columns = (rect.width().max(2.0) as usize).min(values.len());
    (0..columns)
        .map(|column| {
            let (from, to) = (column * values.len() / columns, (column + 1) * values.len() / columns);
            let value = values[from..to.max(from + 1)].iter().copied().max().unwrap_or(0);
            let x = rect.left() + rect.width() * column as f32 / (columns - 1).max(1) as f32;
            pos2(x, rect.bottom() - rect.height() * (value as f32 / largest))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_and_last_value_stand_at_the_edges_and_a_peak_between_pixels_is_kept() {
        let rect = Rect::from_min_max(pos2(0.0, 0.0), pos2(10.0, 20.0));
        assert_eq!(points(rect, &[0, 5, 10]), [pos2(0.0, 20.0), pos2(5.0, 10.0), pos2(10.0, 0.0)]);
        let mut values = vec![1; 1000];
        values[501] = 100;
        let points = points(rect, &values);
        assert_eq!(points.len(), 10);
        assert!(points.iter().any(|point| point.y == 0.0));
        assert!(super::points(rect, &[]).is_empty());
    }
}
