"""What a sample, or a measured chance of detection, says of everything there is: estimates with 95 % intervals.

Pure numbers: ``stratified`` totals and shares of a stratified sample, error matrices among them; ``counts`` corrected
for what was missed; ``resampling`` by site; ``allocation`` of a sample to strata; ``estimates`` of a judged sample,
and ``words`` for a report to print.
"""
