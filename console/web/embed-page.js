// The example page: which execution, as its address says.

const name = new URLSearchParams(location.search).get('execution');
if (name) document.querySelector('asl-graph').setAttribute('execution', name);
