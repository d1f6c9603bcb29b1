"""Results for other programs: numbers as CSV and JSON, surfaces as meshes for ParaView (VTP) and for printing (STL)."""
